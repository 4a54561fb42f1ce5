"""Real-ESRGAN's networks as torch modules. Imports nothing but the standard library; torch is handed in.

Sources: Wang et al., Real-ESRGAN (2021), whose video nets are rows of convolutions (``SRVGGNetCompact``), whose photo
nets are residual-in-residual dense blocks (Wang et al., ESRGAN, 2018). Every module takes float32 pictures from 0 to 1,
``(n, 3, height, width)``, computes in the type of its weights and gives float32 back.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor, pi, sin
from typing import Any

__all__ = ["compact", "lanczos", "rrdb", "tone_kept"]

Tensors = tuple[Any, ...]
_TAPS = 3
"""Lobes of the Lanczos window."""
_BLOCK = 15
"""Convolutions in a block of the photo net."""


def compact(torch: Any, layers: Sequence[Tensors], *, scale: int) -> Any:
    """Convolutions ``(weight, bias)`` and PReLUs ``(slope,)`` in a row; then a pixel shuffle, and the picture added."""
    nn, functional = torch.nn, torch.nn.functional

    class Compact(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(
                *(_prelu(torch, part[0]) if len(part) == 1 else _conv(torch, *part) for part in layers)
            )

        def forward(self, picture: Any) -> Any:
            node = picture.to(self.body[0].weight.dtype, memory_format=torch.channels_last)
            enlarged = functional.interpolate(picture, scale_factor=scale, mode="nearest")
            return functional.pixel_shuffle(self.body(node).float(), scale) + enlarged

    return Compact()


def rrdb(torch: Any, convolutions: Sequence[Tensors]) -> Any:
    """The photo net, by 4, of its convolutions in the order in which they are computed.

    One at the beginning, 15 for each of its blocks, five at the end. Raises ValueError for another number.
    """
    nn, functional = torch.nn, torch.nn.functional
    rest = (len(convolutions) - 6) % _BLOCK
    if rest or len(convolutions) < 6 + _BLOCK:
        raise ValueError(f"{len(convolutions)} convolutions do not make a network of residual-in-residual dense blocks")
    leaky = _leaky(torch)

    class Rrdb(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first = _conv(torch, *convolutions[0])
            self.blocks = _dense_blocks(torch, convolutions[1:-5])
            self.body, self.up1, self.up2, self.high, self.last = (_conv(torch, *part) for part in convolutions[-5:])

        def forward(self, picture: Any) -> Any:
            node = self.first(picture.to(self.first.weight.dtype, memory_format=torch.channels_last))
            node = node + self.body(self.blocks(node))
            for up in (self.up1, self.up2):
                node = leaky(up(functional.interpolate(node, scale_factor=2, mode="nearest")))
            return self.last(leaky(self.high(node))).float()

    return Rrdb()


def _dense_blocks(torch: Any, convolutions: Sequence[Tensors]) -> Any:
    """Blocks of three times five convolutions, of which each sees all that the ones before it in its five have made."""
    nn, leaky = torch.nn, _leaky(torch)

    class Dense(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, five: Sequence[Tensors]) -> None:
            super().__init__()
            self.convolutions = nn.ModuleList(_conv(torch, *part) for part in five)

        def forward(self, node: Any) -> Any:
            seen = [node]
            for convolution in self.convolutions[:-1]:
                seen.append(leaky(convolution(torch.cat(seen, 1))))
            return self.convolutions[-1](torch.cat(seen, 1)) * 0.2 + node

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, fifteen: Sequence[Tensors]) -> None:
            super().__init__()
            self.dense = nn.Sequential(*(Dense(fifteen[start : start + 5]) for start in (0, 5, 10)))

        def forward(self, node: Any) -> Any:
            return self.dense(node) * 0.2 + node

    starts = range(0, len(convolutions), _BLOCK)
    return nn.Sequential(*(Block(convolutions[start : start + _BLOCK]) for start in starts))


def _leaky(torch: Any) -> Any:
    def leaky(node: Any) -> Any:
        return torch.nn.functional.leaky_relu(node, 0.2, inplace=True)

    return leaky


def tone_kept(torch: Any, inner: Any, *, scale: int, radius: int, detail: float) -> Any:
    """``inner``, held to the local means of what it is given, and to what can be shown.

    Of what the result lacks of the source, its mean over ``2 * radius + 1`` pixels is given back, and ``detail`` of the
    rest: see ``DETAIL`` in srvgg.
    """
    nn, functional = torch.nn, torch.nn.functional

    class ToneKept(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, picture: Any) -> Any:
            result = self.inner(picture).clamp(0, 1)
            missing = picture - functional.avg_pool2d(result, scale)
            mean = functional.avg_pool2d(missing, 2 * radius + 1, stride=1, padding=radius, count_include_pad=False)
            kept = mean + detail * (missing - mean)
            back = functional.interpolate(kept, scale_factor=scale, mode="bilinear", align_corners=False)
            return (result + back).clamp(0, 1)

    return ToneKept()


def lanczos(torch: Any, inner: Any, ratio: Fraction) -> Any:
    """``inner``, whose result is then made smaller (or larger) by ``ratio`` with a Lanczos window of three lobes.

    Every output pixel of one remainder has the same weights, so the resampling is a convolution with a stride.
    """
    nn, functional = torch.nn, torch.nn.functional
    up, down = ratio.numerator, ratio.denominator
    weights, before, after = _phases(ratio)

    class Resampled(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner
            self.window = torch.tensor(weights)  # no buffer: it stays in float32 when the network does not

        def forward(self, picture: Any) -> Any:
            result = self.inner(picture)
            for _ in range(2):  # rows, then columns
                result = self._rows(result).transpose(2, 3)
            return result.clamp(0, 1)

        def _rows(self, picture: Any) -> Any:
            n, channels, height, width = picture.shape
            rows = -(-height // down)
            padded = functional.pad(picture, (0, 0, before, after + rows * down - height), mode="replicate")
            planes = padded.reshape(n * channels, 1, padded.shape[2], width)
            window = self.window.to(picture.device)[:, None, :, None]
            made = functional.conv2d(planes, window, stride=(down, 1))
            made = made[:, :, :rows].transpose(1, 2).reshape(n, channels, rows * up, width)
            return made[:, :, : height * up // down]

    return Resampled()


def _phases(ratio: Fraction) -> tuple[list[list[float]], int, int]:
    """Weights for each remainder of an output pixel, and how many pixels before and behind its block they reach."""
    up, down = ratio.numerator, ratio.denominator
    stretch = max(1.0, down / up)
    centres = [(phase + 0.5) * down / up - 0.5 for phase in range(up)]
    first = floor(centres[0] - _TAPS * stretch)
    last = ceil(centres[-1] + _TAPS * stretch)
    table = []
    for centre in centres:
        row = [_window((place - centre) / stretch) for place in range(first, last + 1)]
        table.append([weight / sum(row) for weight in row])
    return table, -first, max(0, last - down + 1)


def _window(distance: float) -> float:
    if abs(distance) < 1e-9:
        return 1.0
    if abs(distance) >= _TAPS:
        return 0.0
    turn = pi * distance
    return _TAPS * sin(turn) * sin(turn / _TAPS) / turn**2


def _conv(torch: Any, weight: Any, bias: Any) -> Any:
    outputs, inputs, height, width = weight.shape
    made = torch.nn.Conv2d(inputs, outputs, (height, width), padding=(height // 2, width // 2))
    made.weight = torch.nn.Parameter(weight.contiguous(memory_format=torch.channels_last), requires_grad=False)
    made.bias = torch.nn.Parameter(bias, requires_grad=False)
    return made


def _prelu(torch: Any, slope: Any) -> Any:
    made = torch.nn.PReLU(slope.numel())
    made.weight = torch.nn.Parameter(slope, requires_grad=False)
    return made
