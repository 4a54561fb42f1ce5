"""Starting everything in order, keeping it up, stopping it in order."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

import psutil

from matchcut.client import Credentials
from matchcut.launcher.environment import (
    BOOTSTRAP_EMAIL,
    BOOTSTRAP_TENANT,
    SERVICES,
    inherited,
    service_environment,
)
from matchcut.launcher.fault import LaunchFault
from matchcut.launcher.fleet import Fleet, ServiceProcess, introduce
from matchcut.launcher.folder import DataFolder
from matchcut.launcher.state import ServiceState, State, write_state
from matchcut.lifeline import spawn, stop
from matchcut.servers import ServerFault, Servers
from matchcut.servers.ports import free_port, tail

__all__ = ["Launcher", "running"]

_READY_S = 120.0
_STOP_S = 12.0
GATEWAY_PORT = 8400
"""Where the gateway listens when the port is free, so that its address stays the same."""

OnStage = Callable[[str], None]
"""Called with a few words about what is happening now."""


class Launcher:
    """Matchcut in one data folder. Start it from the main thread: its processes die with the thread that made them."""

    def __init__(
        self, folder: DataFolder, *, gateway_port: int | None = None, on_stage: OnStage = lambda _: None
    ) -> None:
        self.folder = folder
        self._gateway_port = gateway_port
        self._on_stage = on_stage
        self._lock: IO[str] | None = None
        self._servers: Servers | None = None
        self._fleet = Fleet([])
        self._ready = False

    @property
    def url(self) -> str:
        """The gateway's address."""
        gateway = next(service for service in self._fleet.services if service.name == "gateway")
        return f"http://127.0.0.1:{gateway.port}"

    @property
    def credentials(self) -> Credentials:
        """Of the user made for whoever started us."""
        return Credentials(BOOTSTRAP_EMAIL, self.folder.secret("user"))

    @property
    def fleet(self) -> Fleet:
        """The services."""
        return self._fleet

    @property
    def state(self) -> State:
        """As it is written for other commands."""
        assert self._servers is not None, "started first"
        return State(
            launcher_pid=os.getpid(),
            launcher_started=psutil.Process().create_time(),
            ready=self._ready,
            url=self.url,
            email=BOOTSTRAP_EMAIL,
            password=self.folder.secret("user"),
            postgres_url=self._servers.postgres_url,
            redis_url=self._servers.redis_url,
            servers=self._servers.pids,
            services={
                service.name: ServiceState(
                    port=service.port,
                    pid=service.pid,
                    restarts=service.restarts,
                    environment=dict(service.environment),
                )
                for service in self._fleet.services
            },
            folder=str(self.folder.root),
        )

    def start(self) -> None:
        """Servers, migrations, services, the first user. Raises LaunchFault; then nothing is left running."""
        self.folder.make()
        self._lock = self.folder.claim()
        try:
            self._on_stage("starting PostgreSQL and Redis")
            self._servers = Servers(self.folder.servers)
            self._servers.start()
            self._fleet = Fleet([self._service(name) for name in SERVICES])
            introduce(self._fleet.services)
            self._on_stage("preparing the databases")
            self._migrate()
            self._on_stage("starting six services")
            self._fleet.start()
            self._write_state()
            self._bootstrap()
            self._fleet.wait_until_ready(limit_s=_READY_S)
            self._ready = True
            self._write_state()
        except ServerFault as fault:
            self.stop()
            raise LaunchFault(str(fault)) from fault
        except BaseException:
            self.stop()
            raise

    def heal(self) -> list[str]:
        """Start again what died; call this a few times a second. Returns what was started, for people."""
        assert self._servers is not None, "started first"
        healed = self._servers.heal() + self._fleet.heal()
        if healed:
            self._write_state()
        return healed

    def stop(self) -> None:
        """Services first, then servers; what is not running is fine."""
        self._ready = False
        self._fleet.stop(patience_s=_STOP_S)
        if self._servers:
            self._servers.stop()
        with suppress(FileNotFoundError):
            self.folder.state.unlink()
        if self._lock:
            self._lock.close()
            self._lock = None

    def _service(self, name: str) -> ServiceProcess:
        assert self._servers is not None
        preferred = (self._gateway_port or GATEWAY_PORT) if name == "gateway" else None
        port = free_port(preferred)
        if name == "gateway" and self._gateway_port and port != self._gateway_port:
            raise LaunchFault(f"port {self._gateway_port} is taken: choose another with --port")
        told = service_environment(
            name,
            self.folder,
            postgres_url=self._servers.postgres_url,
            redis_url=self._servers.redis_url,
            http_port=port,
        )
        return ServiceProcess(name, port, told, self.folder.logs / f"{name}.log")

    def _migrate(self) -> None:
        """All schemas at once: none knows another's."""
        under_way = []
        for service in self._fleet.services:
            with service.log.open("ab") as log:
                command = [sys.executable, "-m", f"{service.name}.main", "migrate"]
                under_way.append((service, spawn(command, log=log, env=inherited(service.environment))))
        try:
            for service, process in under_way:
                if process.wait(_READY_S):
                    raise LaunchFault(f"migrating {service.name} failed; {service.log} ends with:\n{tail(service.log)}")
        except subprocess.TimeoutExpired as late:
            raise LaunchFault(f"migrations are not done after {_READY_S:.0f} s; see {self.folder.logs}") from late
        finally:
            for _, process in under_way:
                stop(process, patience_s=1)

    def _bootstrap(self) -> None:
        """One tenant and one user; the same again changes nothing."""
        gateway = self._fleet.services[0]
        command = [sys.executable, "-m", "gateway.main", "bootstrap", "--tenant", BOOTSTRAP_TENANT]
        command += ["--email", BOOTSTRAP_EMAIL, "--password-stdin", "--json"]
        done = subprocess.run(
            command,
            input=self.folder.secret("user"),
            capture_output=True,
            text=True,
            env=inherited(gateway.environment),
            timeout=_READY_S,
            check=False,
        )
        if done.returncode:
            raise LaunchFault(f"the first user could not be made:\n{done.stdout}{done.stderr}".strip())

    def _write_state(self) -> None:
        write_state(self.folder.state, self.state)


@contextmanager
def running(
    folder: DataFolder, *, gateway_port: int | None = None, on_stage: OnStage = lambda _: None
) -> Iterator[Launcher]:
    """Matchcut for the length of a ``with`` block; what dies meanwhile is started again."""
    launcher = Launcher(folder, gateway_port=gateway_port, on_stage=on_stage)
    launcher.start()
    enough = threading.Event()

    def keep_up() -> None:
        while not enough.wait(0.25):
            launcher.heal()

    keeper = threading.Thread(target=keep_up, name="launcher", daemon=True)
    keeper.start()
    try:
        yield launcher
    finally:
        enough.set()
        keeper.join()
        launcher.stop()
