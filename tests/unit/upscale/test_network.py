"""The network's files are read as they are, and shrinking it changes nothing but the size."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from support.plain_network import run_layers
from upscale.adapters.int8 import Ranges, equalized
from upscale.adapters.ncnn import Convolution, PReLU, read_layers
from upscale.adapters.srvgg import Network, shrunk
from upscale.domain.refusals import MalformedModel

PARAM = """7767517
3 3
Input data 0 1 in
Convolution first 1 1 in a 0=2 1=3 4=1 5=1 6=54
PReLU second 1 1 a out 0=2
"""


def weights(*, half: bool) -> bytes:
    numbers = np.arange(54) / 8
    flag, kind = (0x01306B47, "<f2") if half else (0, "<f4")
    slopes = np.array([0.1, 0.2], "<f4").tobytes()
    return struct.pack("<I", flag) + numbers.astype(kind).tobytes() + np.array([1, 2], "<f4").tobytes() + slopes


@pytest.mark.parametrize("half", [True, False], ids=["16 bits", "32 bits"])
def test_layers_are_read_in_order(tmp_path: Path, half: bool) -> None:
    (tmp_path / "param").write_text(PARAM)
    (tmp_path / "bin").write_bytes(weights(half=half))

    convolution, activation = read_layers(tmp_path / "param", tmp_path / "bin")

    assert isinstance(convolution, Convolution)
    assert convolution.weight.shape == (2, 3, 3, 3)
    assert convolution.weight.ravel().tolist() == (np.arange(54) / 8).tolist()
    assert convolution.bias.tolist() == [1, 2]
    assert isinstance(activation, PReLU)
    assert activation.slope.tolist() == pytest.approx([0.1, 0.2])


@pytest.mark.parametrize(
    ("param", "change"),
    [("nonsense", b""), (PARAM, b"x"), (PARAM.replace("1=3", "1=5"), b""), (PARAM.replace("0=2\n", "0=4\n"), b"")],
    ids=["no param file", "too long", "another convolution", "too short"],
)
def test_other_files_are_refused(tmp_path: Path, param: str, change: bytes) -> None:
    (tmp_path / "param").write_text(param)
    (tmp_path / "bin").write_bytes(weights(half=True) + change)

    with pytest.raises(MalformedModel):
        read_layers(tmp_path / "param", tmp_path / "bin")


def shuffled(channels: NDArray[Any], scale: int) -> NDArray[Any]:
    """Pixel shuffle of the values of one source pixel: ``(3 * scale * scale)`` to ``(3, scale, scale)``."""
    return channels.reshape(3, scale, scale)


@pytest.mark.parametrize("scale", [2, 3])
def test_shrinking_inside_the_network_is_the_mean_over_areas_of_what_it_would_give(scale: int) -> None:
    random = np.random.default_rng(0)
    last = Convolution(random.normal(size=(48, 5, 3, 3)).astype(np.float32), random.normal(size=48).astype(np.float32))
    patch = random.normal(size=(5, 3, 3)).astype(np.float32)
    large = shuffled(np.einsum("ocyx,cyx->o", last.weight, patch) + last.bias, 4)

    folded = shrunk(last, scale)
    small = shuffled(np.einsum("ocyx,cyx->o", folded.weight, patch) + folded.bias, scale)

    fine = large.repeat(scale, 1).repeat(scale, 2).reshape(3, scale, 4, scale, 4).mean(axis=(2, 4))
    assert small == pytest.approx(fine, abs=1e-4)


def test_bringing_channels_to_one_size_does_not_change_the_network() -> None:
    random = np.random.default_rng(1)
    layers = (
        Convolution(random.normal(size=(4, 3, 3, 3)).astype(np.float32), random.normal(size=4).astype(np.float32)),
        PReLU(np.array([0.1, 0.2, -0.3, 0.4], np.float32)),
        Convolution(random.normal(size=(4, 4, 3, 3)).astype(np.float32), random.normal(size=4).astype(np.float32)),
        PReLU(np.array([0.5, 0.2, 0.3, 0.4], np.float32)),
        Convolution(random.normal(size=(12, 4, 3, 3)).astype(np.float32), random.normal(size=12).astype(np.float32)),
    )
    ranges = Ranges(((1, 20, 3, 0.001), (5, 6, 70, 8)))
    picture = random.normal(size=(3, 6, 7)).astype(np.float32)

    changed = equalized(layers, ranges)

    assert run_layers(changed, picture) == pytest.approx(run_layers(layers, picture), rel=1e-3, abs=1e-3)
    assert ranges.limit(2) == 20
    assert Network(layers, 2).reach == 3 + 2
