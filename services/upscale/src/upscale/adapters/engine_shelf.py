"""Compiled engines on this machine's disk: one for each kind of GPU, driver, software, shape, precision and network.

What is compiled for one of them is wrong, or crashes, on another. Also remembered: where compiling failed, so that
a restart does not spend a minute to learn it again; another driver or version is another try. Standard library alone.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["EngineKey", "EngineShelf"]

_FOLDERS = {"TORCHINDUCTOR_CACHE_DIR": "inductor", "TRITON_CACHE_DIR": "triton"}


@dataclass(frozen=True)
class EngineKey:
    """What a compiled engine is good for."""

    device: str
    """Name of the GPU, or of the processor."""
    driver: str
    software: str
    """torch, and what it was built with."""
    shape: tuple[int, ...]
    precision: str
    network: str
    """Digest of the weights."""

    @property
    def digest(self) -> str:
        """Names it on disk."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:24]


class EngineShelf:
    """A folder of them; without a folder nothing is remembered."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def failed(self, key: EngineKey) -> str:
        """Why this one cannot be compiled, as far as is known; empty when it can or nobody has tried."""
        try:
            place = self._place(key)
            said = json.loads((place / "engine.json").read_text()) if place is not None else {}
        except (OSError, ValueError, TypeError):
            return ""
        return str(said.get("failed", "")) if isinstance(said, dict) else ""

    def remember(self, key: EngineKey, *, failed: str = "") -> None:
        """How it went. A disk that cannot be written to is no reason to stop."""
        place = self._place(key)
        if place is not None:
            with suppress(OSError):
                place.mkdir(parents=True, exist_ok=True)
                part = place / f"engine.{os.getpid()}.part"
                part.write_text(json.dumps({**asdict(key), "failed": failed[:2000]}, indent=1))
                part.replace(place / "engine.json")

    @contextmanager
    def compiling(self, key: EngineKey) -> Iterator[None]:
        """While this lasts, compilers find and leave their work in the folder of this engine."""
        place = self._place(key)
        if place is None:
            yield
            return
        before = {name: os.environ.get(name) for name in _FOLDERS}
        os.environ.update({name: str(place / folder) for name, folder in _FOLDERS.items()})
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def _place(self, key: EngineKey) -> Path | None:
        return self._folder / key.digest if self._folder is not None else None
