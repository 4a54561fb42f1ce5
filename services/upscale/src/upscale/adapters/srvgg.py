"""Real-ESRGAN's network for video: convolutions in a row, a pixel shuffle by 4, and the enlarged picture added.

Source: Wang et al., Real-ESRGAN (2021), ``SRVGGNetCompact`` of github.com/xinntao/Real-ESRGAN. The nets for x2 and x3
are the one for x4, then shrunk. Shrinking is folded into the last convolution here: the mean over areas is linear and,
from 4 to 2 or 3, never leaves the block of one source pixel. So x2 costs less than x4 and no large picture is made.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from upscale.adapters.ncnn import Convolution, Layer, PReLU, read_layers
from upscale.adapters.weights import PARAM, WEIGHTS
from upscale.domain.refusals import MalformedModel

__all__ = ["DETAIL", "TONE_RADIUS", "Network", "load_network", "shrunk"]

_MADE_FOR = 4
TONE_RADIUS = 1
DETAIL = 0.75
"""How the picture is kept that of the source.

The published weights brighten by up to 5 code values (a grey of 128 comes out as 131) and smooth fine texture away. So
the difference between the source and the result, shrunk to its size, is given back: one step of the back-projection
of Irani and Peleg (1991). Its mean over ``TONE_RADIUS`` source pixels around each is
given back in full, what is finer by ``DETAIL``: all of it would bring back the blocks of the source's encoder. What
arithmetic in few bits adds to the mean of a pixel is taken away again by the same step.
"""


@dataclass(frozen=True)
class Network:
    """Layers to run in order; then a pixel shuffle by ``scale``, the source enlarged by repetition added, tone kept."""

    layers: tuple[Layer, ...]
    scale: int

    @property
    def reach(self) -> int:
        """How far a source pixel can be felt: one pixel by each 3x3 convolution, the rest by keeping the tone."""
        return sum(isinstance(layer, Convolution) for layer in self.layers) + TONE_RADIUS + 1


def load_network(folder: Path, *, scale: int) -> Network:
    """The network in an ncnn folder, for a scale of 2, 3 or 4. Raises MalformedModel."""
    layers = read_layers(folder / PARAM, folder / WEIGHTS)
    last = layers[-1]
    if not isinstance(last, Convolution) or last.bias.size != 3 * _MADE_FOR**2:
        raise MalformedModel("the network does not end in a convolution to 3 channels of 4x4 pixels")
    for layer, following in zip(layers[::2], layers[1::2], strict=False):
        if not (isinstance(layer, Convolution) and isinstance(following, PReLU)):
            raise MalformedModel("the network is no row of convolutions with a PReLU between each two")
    return Network((*layers[:-1], shrunk(last, scale)), scale)


def shrunk(last: Convolution, scale: int) -> Convolution:
    """The last convolution with the mean over areas folded in, from 4x4 pixels to ``scale`` x ``scale``."""
    if scale == _MADE_FOR:
        return last
    share = _shares(scale)
    channels = last.weight.shape[1]
    weight = last.weight.reshape(3, _MADE_FOR, _MADE_FOR, channels, 3, 3)
    folded = np.einsum("ai,bj,cijkyx->cabkyx", share, share, weight).reshape(-1, channels, 3, 3)
    bias = np.einsum("ai,bj,cij->cab", share, share, last.bias.reshape(3, _MADE_FOR, _MADE_FOR)).reshape(-1)
    return Convolution(np.ascontiguousarray(folded, np.float32), bias.astype(np.float32))


def _shares(scale: int) -> NDArray[np.float64]:
    """How much of each of 4 pixels lies in each of ``scale``; every row sums to 1."""
    edges = np.arange(scale + 1) * _MADE_FOR / scale
    pixels = np.arange(_MADE_FOR)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    share: NDArray[np.float64] = np.clip(overlap, 0, None) * scale / _MADE_FOR
    return share
