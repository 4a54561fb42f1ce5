"""The six services as processes: started, watched, restarted when they die, stopped together."""

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from matchcut.launcher.environment import inherited
from matchcut.launcher.fault import LaunchFault
from matchcut.lifeline import spawn
from matchcut.servers.ports import tail

__all__ = ["Fleet", "ServiceProcess", "introduce"]

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0
_SETTLED_S = 60.0
"""A service that ran this long starts again at once when it dies; before, the pause doubles with every death."""


@dataclass
class ServiceProcess:
    """One service: where it listens, what it is told, and how it has been doing."""

    name: str
    port: int
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    started: float = 0.0
    pause_s: float = _FIRST_PAUSE_S
    restart_at: float | None = None
    adopted: bool = field(default=False)
    """Somebody else started it by hand on its port, and we leave it alone while it answers."""

    @property
    def pid(self) -> int | None:
        """While our process runs."""
        return self.process.pid if self.process and self.process.poll() is None else None

    def start(self) -> None:
        """Start the process; readiness is asked for apart."""
        self.started, self.restart_at, self.adopted = time.monotonic(), None, False
        with self.log.open("ab") as log:
            self.process = spawn(
                [sys.executable, "-m", f"{self.name}.main", "serve"], log=log, env=inherited(self.environment)
            )

    def answers(self, path: str) -> bool:
        """Whether it says 200 there."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=3, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def plan_restart(self) -> None:
        """Decide when to try again after a death."""
        if time.monotonic() - self.started > _SETTLED_S:
            self.pause_s = _FIRST_PAUSE_S
        self.restart_at = time.monotonic() + self.pause_s
        self.pause_s = min(self.pause_s * 2, _LONGEST_PAUSE_S)


def introduce(services: list[ServiceProcess]) -> None:
    """Tell the gateway where the upscale service is: it passes runners on to it."""
    named = {service.name: service for service in services}
    gateway, upscale = named["gateway"], named["upscale"]
    gateway.environment = {**gateway.environment, "GATEWAY_UPSCALE_URL": f"http://127.0.0.1:{upscale.port}"}


class Fleet:
    """All services."""

    def __init__(self, services: list[ServiceProcess]) -> None:
        self.services = services

    def start(self) -> None:
        """Start all; they wait for what they need themselves."""
        for service in self.services:
            service.start()

    def wait_until_ready(self, *, limit_s: float) -> None:
        """Raise LaunchFault when one dies or is not ready in time."""
        waiting = list(self.services)
        end = time.monotonic() + limit_s
        while waiting:
            for service in waiting:
                if service.pid is None:
                    raise LaunchFault(
                        f"{service.name} ended while starting; {service.log} ends with:\n{tail(service.log)}"
                    )
            waiting = [service for service in waiting if not service.answers("/readyz")]
            if waiting and time.monotonic() > end:
                late = waiting[0]
                raise LaunchFault(
                    f"{late.name} is not ready after {limit_s:.0f} s; {late.log} ends with:\n{tail(late.log)}"
                )
            time.sleep(0.1)

    def heal(self) -> list[str]:
        """Start again what died, once its pause is over; returns the names of those that did."""
        healed = []
        for service in self.services:
            if service.pid is not None or (service.adopted and service.answers("/healthz")):
                continue
            if service.restart_at is None:
                service.plan_restart()
            elif time.monotonic() >= service.restart_at:
                if service.answers("/healthz"):  # started by hand meanwhile
                    service.adopted, service.restart_at = True, None
                    continue
                service.restarts += 1
                service.start()
                healed.append(service.name)
        return healed

    def stop(self, *, patience_s: float) -> None:
        """Ask all at once, then wait for each."""
        running = [service.process for service in self.services if service.process and service.pid]
        for process in running:
            process.terminate()
        end = time.monotonic() + patience_s
        for process in running:
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
