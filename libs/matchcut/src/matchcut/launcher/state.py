"""``state.json``: what a running launcher tells other commands. It holds a password, so it is its owner's alone."""

import os
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from matchcut.client import Credentials

__all__ = ["ServiceState", "State", "read_state", "write_state"]


class ServiceState(BaseModel):
    """One service process."""

    model_config = ConfigDict(frozen=True)

    port: int
    pid: int | None = None
    restarts: int = 0
    environment: dict[str, str] = {}
    """What it was started with beyond our own environment: enough to start it again by hand."""


class State(BaseModel):
    """Everything about one running launcher."""

    model_config = ConfigDict(frozen=True)

    launcher_pid: int
    launcher_started: float
    """Process start in Unix seconds: tells the launcher from a later process with the same id."""
    ready: bool
    url: str
    email: str
    password: str
    postgres_url: str
    redis_url: str
    servers: dict[str, int]
    """Process ids by server."""
    services: dict[str, ServiceState]
    folder: str

    @property
    def credentials(self) -> Credentials:
        """Of the user the launcher made."""
        return Credentials(self.email, self.password)

    @property
    def alive(self) -> bool:
        """Whether that launcher still runs."""
        try:
            process = psutil.Process(self.launcher_pid)
            return bool(abs(process.create_time() - self.launcher_started) < 1 and process.is_running())
        except psutil.Error:
            return False


def read_state(path: Path) -> State | None:
    """What a launcher wrote; None when there is none or it runs no more."""
    try:
        state = State.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return state if state.alive else None


def write_state(path: Path, state: State) -> None:
    """Replace the file whole, readable for its owner alone."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(state.model_dump_json(indent=1))
    new.replace(path)
