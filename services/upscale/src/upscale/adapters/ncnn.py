"""Reads networks as ncnn stores them: a text of layers and a file of numbers. numpy is all it takes.

Format: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure. Only what Real-ESRGAN's video nets are
made of is understood: 3x3 convolutions with bias, and PReLU.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscale.domain.refusals import MalformedModel

__all__ = ["Convolution", "Layer", "PReLU", "read_layers"]

_MAGIC = "7767517"
_HALF = 0x01306B47
"""Flag before weights that are stored as 16-bit floats; 0 means 32 bits."""


@dataclass(frozen=True)
class Convolution:
    """3x3, stride 1, padded by 1: ``weight`` (out, in, 3, 3), ``bias`` (out)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class PReLU:
    """Negative values times ``slope``, one for each channel."""

    slope: NDArray[np.float32]


Layer = Convolution | PReLU


def read_layers(param: Path, weights: Path) -> tuple[Layer, ...]:
    """The layers that hold numbers, in order. Raises MalformedModel."""
    numbers = _Numbers(weights.read_bytes())
    layers: list[Layer] = []
    for kind, values in _described(param.read_text()):
        if kind == "Convolution":
            layers.append(_convolution(values, numbers))
        elif kind == "PReLU":
            layers.append(PReLU(numbers.floats(int(values[0]))))
    if not numbers.at_end:
        raise MalformedModel(f"{weights.name} holds more numbers than {param.name} describes")
    return tuple(layers)


def _described(text: str) -> Iterator[tuple[str, dict[int, str]]]:
    lines = text.splitlines()
    if not lines or lines[0].strip() != _MAGIC:
        raise MalformedModel("not an ncnn param file")
    for line in lines[2:]:
        words = line.split()
        if words:
            names = 4 + int(words[2]) + int(words[3])
            yield words[0], {int(key): value for key, _, value in (word.partition("=") for word in words[names:])}


def _convolution(values: dict[int, str], numbers: "_Numbers") -> Convolution:
    outputs, size, count = int(values[0]), int(values[1]), int(values[6])
    if (size, values.get(4), values.get(5)) != (3, "1", "1"):
        raise MalformedModel("only 3x3 convolutions with a padding of 1 and a bias are understood")
    weight = numbers.weights(count).reshape(outputs, -1, size, size)
    return Convolution(weight, numbers.floats(outputs))


class _Numbers:
    """A cursor over the file of numbers."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._data)

    def weights(self, count: int) -> NDArray[np.float32]:
        """Numbers behind a flag that says how wide they are."""
        (flag,) = struct.unpack("<I", self._take(4))
        if flag == _HALF:
            halves = np.frombuffer(self._take((2 * count + 3) // 4 * 4), "<f2", count)
            return halves.astype(np.float32)
        if flag != 0:
            raise MalformedModel(f"weights of an unknown width, flag {flag:#x}")
        return self.floats(count)

    def floats(self, count: int) -> NDArray[np.float32]:
        return np.frombuffer(self._take(4 * count), "<f4", count).astype(np.float32)

    def _take(self, size: int) -> Any:
        piece = self._data[self._at : self._at + size]
        if len(piece) < size:
            raise MalformedModel("the file of numbers ends too early")
        self._at += size
        return piece
