"""How large a tile this machine can hold: learnt when memory ran out, and remembered for the next chunk and start."""

import json
import os
from contextlib import suppress
from pathlib import Path

__all__ = ["SMALLEST_TILE", "TileMemory"]

SMALLEST_TILE = 64 * 64
"""Pixels; below it nearly all work would go into the overlap, and the chunk is for another machine."""


class TileMemory:
    """One for each machine, engine and model, in a file that outlives the program.

    ``most``: pixels to begin with. ``machine``: what the memory is of, such as the name of a GPU; a folder that
    moves to another machine brings nothing that is wrong there.
    """

    def __init__(self, folder: Path, *, machine: str, most: int) -> None:
        self._place = folder / "tiles.json"
        self._machine = machine
        self._most = most

    def pixels(self, model: str) -> int:
        """What a tile of this model may have here."""
        return min(self._most, self._known().get(self._key(model), self._most))

    def learn(self, model: str, pixels: int) -> None:
        """No more than this fits; what is known to be less stays."""
        if pixels < self.pixels(model):
            known = {**self._known(), self._key(model): pixels}
            with suppress(OSError):  # a disk that is full: then it is learnt again
                self._place.parent.mkdir(parents=True, exist_ok=True)
                part = self._place.with_suffix(f".{os.getpid()}.part")
                part.write_text(json.dumps(known, indent=1))
                part.replace(self._place)

    def _key(self, model: str) -> str:
        return f"{self._machine} / {model}"

    def _known(self) -> dict[str, int]:
        try:
            found = json.loads(self._place.read_text())
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {key: value for key, value in found.items() if isinstance(value, int) and value > 0}
