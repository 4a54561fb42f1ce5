"""What 8-bit arithmetic needs to know of a network: how large the values between its layers become.

Channels differ in size by a factor of 10 and more, and one scale would drown the small ones. So each channel is brought
to the same size first, which PReLU allows since it commutes with positive factors: the convolution before divides, the
one after multiplies (cross-layer equalization, Nagel et al. 2019, arXiv:1906.04721, section 4.1).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from upscale.adapters.ncnn import Convolution, Layer, PReLU

__all__ = ["Integers", "Ranges", "Rounded", "equalized", "integers_of", "ranges_of", "save_rounded"]

_FLOOR = 0.1
"""A channel smaller than this share of the largest is left at that: it carries next to nothing."""


@dataclass(frozen=True)
class Ranges:
    """Largest magnitude of every channel after each PReLU, on ordinary film."""

    largest: tuple[tuple[float, ...], ...]

    def factors(self, prelu: int) -> NDArray[np.float32]:
        """What the channels after one PReLU are divided by; the largest by 1."""
        largest = np.array(self.largest[prelu], np.float32)
        factors: NDArray[np.float32] = np.maximum(largest / largest.max(), np.float32(_FLOOR))
        return factors

    def limit(self, place: int) -> float:
        """Largest magnitude that arrives at the layer at this place once the network is equalized."""
        return max(self.largest[place // 2 - 1])


def ranges_of(model: str) -> Ranges | None:
    """Measured ranges of a model, if it has been measured."""
    table = files("upscale.adapters") / f"{model}.ranges.json"
    return Ranges(tuple(map(tuple, json.loads(table.read_text())))) if table.is_file() else None


def equalized(layers: Sequence[Layer], ranges: Ranges) -> tuple[Layer, ...]:
    """The same network, with channels of the same size between its convolutions."""
    changed: list[Layer] = []
    for place, layer in enumerate(layers):
        if isinstance(layer, PReLU):
            changed.append(layer)
            continue
        weight, bias = layer.weight, layer.bias
        if place > 0:
            weight = weight * ranges.factors(place // 2 - 1).reshape(1, -1, 1, 1)
        if place < len(layers) - 1:
            out = ranges.factors(place // 2)
            weight, bias = weight / out.reshape(-1, 1, 1, 1), bias / out
        changed.append(Convolution(np.ascontiguousarray(weight, np.float32), bias.astype(np.float32)))
    return tuple(changed)


@dataclass(frozen=True)
class Rounded:
    """A convolution of the equalized network in whole numbers: ``weight`` times ``step``, one for each output."""

    weight: NDArray[np.int8]
    step: NDArray[np.float32]
    bias: NDArray[np.float32]

    @property
    def convolution(self) -> Convolution:
        """The same in ordinary numbers."""
        return Convolution(self.weight * self.step.reshape(-1, 1, 1, 1), self.bias)


@dataclass(frozen=True)
class Integers:
    """All that running a network in 8 bits takes besides the network."""

    ranges: Ranges
    rounded: Mapping[int, Rounded]
    """Its inner convolutions, by their places."""

    def layers(self, layers: Sequence[Layer]) -> tuple[Layer, ...]:
        """The layers that ``ranges`` and ``rounded`` speak of."""
        return equalized(layers, self.ranges)


def integers_of(model: str) -> Integers | None:
    """For a model that was rounded (by tests/bench/upscale_rounding.py)."""
    ranges, file = ranges_of(model), files("upscale.adapters") / f"{model}.rounded.npz"
    if ranges is None or not file.is_file():
        return None
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
        places = sorted({int(name.partition("_")[0]) for name in found.files})
        parts = {place: [found[f"{place}_{part}"] for part in ("weight", "step", "bias")] for place in places}
    return Integers(ranges, {place: Rounded(*part) for place, part in parts.items()})


def save_rounded(model: str, layers: Mapping[int, Rounded], target: Path | None = None) -> None:
    """Keep what ``integers_of`` reads, here or in another file."""
    path = target or Path(str(files("upscale.adapters") / f"{model}.rounded.npz"))
    parts = {
        f"{place}_{name}": values
        for place, layer in layers.items()
        for name, values in (("weight", layer.weight), ("step", layer.step), ("bias", layer.bias))
    }
    np.savez_compressed(path, **parts)  # type: ignore[arg-type] # the stub takes our names for its own arguments
