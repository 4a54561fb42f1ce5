"""Who this machine is to a server, kept between two runs in a file that only its user can read."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Identity", "IdentityFile"]


@dataclass(frozen=True)
class Identity:
    """A registered runner."""

    runner_id: str
    secret: str


class IdentityFile:
    """One per server and name."""

    def __init__(self, folder: Path, *, url: str, name: str) -> None:
        known_by = hashlib.sha256(f"{url}\n{name}".encode()).hexdigest()[:16]
        self._path = folder / f"runner-{known_by}.json"
        folder.mkdir(parents=True, exist_ok=True)

    def read(self) -> Identity | None:
        """Who we were; None before the first time."""
        try:
            return Identity(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, identity: Identity) -> None:
        """Remember it."""
        part = self._path.with_suffix(".part")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(json.dumps(asdict(identity)))
        part.replace(self._path)

    def forget(self) -> None:
        """It is worth nothing any more."""
        self._path.unlink(missing_ok=True)
