"""The gateway as an operator runs it, in a process of its own, on a database of its own."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.engine import make_url

from chassis.database import Database
from chassis.testing import drop_database, fresh_database, service_url
from contracts import uuid7
from gateway.adapters.tokens import SignedTokens
from gateway.domain.access import Caller, Role
from gateway.settings import Settings
from gateway.wiring.accounts import key_ring

__all__ = ["GatewayProcess", "gateway_process"]

_EMAIL, _PASSWORD = "owner@studio.example", "correct horse battery staple"
_READY_S = 60.0


@dataclass(frozen=True)
class GatewayProcess:
    """Where it is, and its first user."""

    url: str
    log: Path
    token: str
    """An access token of the owner for hours. Its session is in no list, so nobody can end it."""
    email: str = _EMAIL
    password: str = _PASSWORD


@contextmanager
def gateway_process(postgres_url: str, redis_url: str, folder: Path, **settings: str) -> Iterator[GatewayProcess]:
    """It runs and is ready; ``settings`` are further ones, without their ``GATEWAY_``; ``{port}`` becomes its port."""
    database = asyncio.run(fresh_database("gateway", postgres_url))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {
        "PATH": os.environ["PATH"],
        "GATEWAY_DATABASE_URL": service_url("gateway", postgres_url, database),
        "GATEWAY_REDIS_URL": redis_url,
        "GATEWAY_BLOBS_URL": f"file://{folder}/blobs",
        "GATEWAY_HTTP_PORT": str(port),
        "GATEWAY_SECRET": "a secret of the operator",
        "GATEWAY_GRACE_S": "5",
        **{f"GATEWAY_{name}": value.replace("{port}", str(port)) for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "gateway.main"]
    log = folder / "gateway.log"
    try:
        made = subprocess.run(
            [*command, "bootstrap", "--tenant", "studio", "--email", _EMAIL, "--password-stdin", "--json"],
            input=f"{_PASSWORD}\n", env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        with log.open("wb") as written:
            process = subprocess.Popen([*command, "serve"], env=environment, stdout=written, stderr=written)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, log, process)
            yield GatewayProcess(url, log, asyncio.run(_token(environment, json.loads(made.stdout))))
        finally:
            process.terminate()
            process.wait(30)
    finally:
        asyncio.run(drop_database(postgres_url, make_url(environment["GATEWAY_DATABASE_URL"]).database or ""))


async def _token(environment: Mapping[str, str], ids: Mapping[str, str]) -> str:
    """As the gateway itself would sign it."""
    needed = ("database_url", "redis_url", "blobs_url", "http_port", "secret")
    values: Any = {name: environment[f"GATEWAY_{name.upper()}"] for name in needed}
    settings = Settings(**values)
    database = Database(str(settings.database_url), service="gateway")
    try:
        mint = SignedTokens(key_ring(settings, database), issuer=settings.issuer)
        caller = Caller(UUID(ids["user_id"]), UUID(ids["tenant_id"]), Role.OWNER, uuid7())
        return await mint.issue(caller, lifetime_s=6 * 3600)
    finally:
        await database.close()


def _wait_until_ready(url: str, log: Path, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _READY_S
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-4000:]
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not ready: {log.read_text()[-4000:]}")
