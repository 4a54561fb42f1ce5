"""The data folder: everything the launcher writes is in it, and nothing of worth is anywhere else."""

import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from matchcut.launcher.fault import LaunchFault

__all__ = ["DataFolder"]


@dataclass(frozen=True)
class DataFolder:
    """Where servers, blobs, logs and joined weights lie. ``cache`` can be made again; the rest is data."""

    root: Path
    cache: Path

    @classmethod
    def at(cls, chosen: Path | None) -> "DataFolder":
        """The folder chosen by hand, else by MATCHCUT_HOME, else ``.matchcut`` here."""
        root = (chosen or Path(os.environ.get("MATCHCUT_HOME") or ".matchcut")).absolute()
        return cls(root, root / "cache")

    def inside(self, name: str) -> "DataFolder":
        """A data folder of its own within this one, with the same cache."""
        return DataFolder(self.root / name, self.cache)

    @property
    def servers(self) -> Path:
        """PostgreSQL's and Redis's files."""
        return self.root / "servers"

    @property
    def blobs(self) -> Path:
        """Uploads and results."""
        return self.root / "blobs"

    @property
    def logs(self) -> Path:
        """One file a service."""
        return self.root / "logs"

    @property
    def state(self) -> Path:
        """Who runs, where, and how to sign in."""
        return self.root / "state.json"

    def make(self) -> None:
        """Create what is missing."""
        # Root's PostgreSQL runs as somebody else, who must be able to pass through; what is inside is private.
        self.root.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        for folder in (self.blobs, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        self.cache.mkdir(parents=True, exist_ok=True)

    def claim(self) -> IO[str]:
        """The right to launch here; the system takes it back when this process ends, however it ends."""
        lock = (self.root / "launcher.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            lock.close()
            raise LaunchFault(
                f"Matchcut already runs in {self.root}: use it, or stop it with `matchcut down --data {self.root}`"
            ) from taken
        return lock

    def secrets(self) -> dict[str, str]:
        """Passwords and ports made on first use: by name, kept with mode 0600."""
        try:
            known: dict[str, str] = json.loads((self.root / "secrets.json").read_text())
        except FileNotFoundError:
            known = {}
        return known

    def secret(self, name: str) -> str:
        """One secret, made when it is asked for the first time."""
        known = self.secrets()
        if name not in known:
            known[name] = secrets.token_urlsafe(24)
            self.remember(known)
        return known[name]

    def remember(self, known: dict[str, str]) -> None:
        """Keep secrets."""
        path = self.root / "secrets.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(known, indent=1))
