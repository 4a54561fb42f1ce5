"""What makes pictures larger and sharper."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray  # the idle service does without numpy

__all__ = ["EngineMissing", "Enhancer", "OutOfMemory"]


class EngineMissing(RuntimeError):
    """An engine was asked for whose packages are not installed. The text says what to do."""


class OutOfMemory(RuntimeError):
    """The engine could not hold a tile of this size; a smaller one may fit."""


class Enhancer(Protocol):
    """Whatever makes pictures larger and sharper."""

    @property
    def engine(self) -> str:
        """Name of the software and its precision, for reports."""
        ...

    @property
    def padding(self) -> int:
        """How far a pixel of the source can be felt, in pixels; tiles overlap by it."""
        ...

    @property
    def batch(self) -> int:
        """How many pictures it likes at once."""
        ...

    def enhance(self, pictures: "NDArray[Any]", /) -> "NDArray[Any]":
        """``(n, 3, height, width)`` R'G'B' to ``(n, 3, height * scale, width * scale)``.

        uint8 stays uint8; float32 from 0 to 1 stays that. Raises OutOfMemory.
        """
        ...
