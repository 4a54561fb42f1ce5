"""The runners' program, as it is handed out."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["BuildWheel", "Wheel"]


@dataclass(frozen=True)
class Wheel:
    """A wheel, and what it is called."""

    file: str
    """As pip wants it named."""
    version: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.content).hexdigest()


BuildWheel = Callable[[], Wheel]
"""The wheel of the code that runs here; asked often, built once."""
