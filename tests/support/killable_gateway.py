"""The gateway as a process of its own, on a database of its own: to be killed, and started again."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from chassis.testing import drop_database, fresh_database, service_url
from matchcut.servers.ports import free_port

__all__ = ["EMAIL", "PASSWORD", "GatewayProcess", "a_gateway_process"]

EMAIL = "anna@example.org"
PASSWORD = "correct horse battery staple"
_COMMAND = [sys.executable, "-m", "gateway.main"]
_START_S = 60


class GatewayProcess:
    """Serves at ``url`` while it runs."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{environ['GATEWAY_HTTP_PORT']}"
        self.blobs = Path(environ["GATEWAY_BLOBS_URL"].removeprefix("file://"))

    def start(self, **settings: str) -> None:
        """Start it and wait until it is ready."""
        environ = self._environ | {f"GATEWAY_{name.upper()}": value for name, value in settings.items()}
        self._process = subprocess.Popen([*_COMMAND, "serve"], env=environ)
        until = time.monotonic() + _START_S
        while not self._is_ready():
            assert self._process.poll() is None, "it ended by itself"
            assert time.monotonic() < until, "it does not become ready"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def rss(self) -> int:
        """Memory it holds now, in bytes."""
        assert self._process is not None
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def client(self) -> httpx.Client:
        """A client of the owner."""
        form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}
        grant = httpx.post(f"{self.url}/v1/auth/token", data=form).raise_for_status().json()
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {grant['access_token']}"}, timeout=60, trust_env=False
        )

    def bootstrap(self) -> None:
        """Make the tenant and its owner."""
        asked = ["bootstrap", "--tenant", "studio", "--email", EMAIL, "--password-stdin"]
        subprocess.run([*_COMMAND, *asked], env=self._environ, input=f"{PASSWORD}\n", text=True, check=True)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def a_gateway_process(postgres_url: str, redis_url: str, folder: Path, **settings: str) -> Iterator[GatewayProcess]:
    """One that runs, with an owner; its database goes afterwards."""
    database = asyncio.run(fresh_database("gateway", postgres_url))
    gateway = GatewayProcess(
        {
            "PATH": os.environ["PATH"],
            "GATEWAY_DATABASE_URL": service_url("gateway", postgres_url, database),
            "GATEWAY_REDIS_URL": redis_url,
            "GATEWAY_BLOBS_URL": f"file://{folder}",
            "GATEWAY_HTTP_PORT": str(free_port()),
            "GATEWAY_SECRET": "a secret of the operator",
            "GATEWAY_GRACE_S": "5",
            "GATEWAY_LEASE_S": "3",
            **{f"GATEWAY_{name.upper()}": value for name, value in settings.items()},
        }
    )
    try:
        gateway.bootstrap()
        gateway.start()
        yield gateway
    finally:
        gateway.kill()
        asyncio.run(drop_database(postgres_url, database))
