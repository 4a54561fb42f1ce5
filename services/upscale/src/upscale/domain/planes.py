"""Between Y'CbCr planes as video stores them and R'G'B' planes as the network wants them.

Matrices, ranges and offsets are those of ITU-T H.273 (8.3); chroma is resampled linearly at the positions that its
siting names. Pictures are arrays ``(3, height, width)``: uint8 for 8 bits, float32 from 0 to 1 for more, so that
nothing of the finer steps is lost.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscale.domain.color import Color, Siting, luma_weights
from upscale.domain.geometry import Orientation

__all__ = ["Planes", "oriented", "to_rgb", "to_yuv420"]

Array = NDArray[Any]
Planes = tuple[Array, Array, Array]


def to_rgb(planes: Planes, color: Color) -> Array:
    """R'G'B' of one frame from Y', Cb and Cr, whose chroma may be subsampled by 2 or 4 in either direction."""
    luma, blue, red = planes
    height, width = luma.shape
    ys, y0, cs, c0 = _levels(color)
    y = (luma.astype(np.float32) - y0) / ys
    sides = _across(color.siting), _down(color.siting)
    cb, cr = (_upsampled((plane.astype(np.float32) - c0) / cs, (height, width), sides) for plane in (blue, red))
    kr, kg, kb = luma_weights(color.matrix)
    rgb = np.empty((3, height, width), np.float32)
    np.add(y, (2 * (1 - kr)) * cr, out=rgb[0])
    np.subtract(y, (2 * (1 - kb) * kb / kg) * cb, out=rgb[1])
    rgb[1] -= (2 * (1 - kr) * kr / kg) * cr
    np.add(y, (2 * (1 - kb)) * cb, out=rgb[2])
    return _stored(rgb, color)


def to_yuv420(rgb: Array, color: Color) -> Planes:
    """Y', Cb and Cr of one frame at 4:2:0; ``rgb`` has even sides."""
    ys, y0, cs, c0 = _levels(color)
    unit = np.float32(1 / 255 if rgb.dtype == np.uint8 else 1)
    kr, kg, kb = luma_weights(color.matrix)
    luma = _mixed(rgb, (kr, kg, kb), scale=unit * ys, offset=y0)
    small = np.stack([_halved(plane.astype(np.float32), color.siting) for plane in rgb])
    blue = _mixed(small, (-kr, -kg, 1 - kb), scale=unit * cs / (2 * (1 - kb)), offset=c0)
    red = _mixed(small, (1 - kr, -kg, -kb), scale=unit * cs / (2 * (1 - kr)), offset=c0)
    top = np.float32(255 if color.bits == 8 else 1023)
    kind = np.uint8 if color.bits == 8 else np.uint16
    blue, red, luma = (_rounded(plane, top).astype(kind) for plane in (blue, red, luma))
    return luma, blue, red


def oriented(rgb: Array, orientation: Orientation) -> Array:
    """The picture as it is meant to be seen; sides that come out odd are made even by repeating the last line."""
    if orientation.swap:
        rgb = rgb.transpose(0, 2, 1)
    if orientation.flip_x:
        rgb = rgb[:, :, ::-1]
    if orientation.flip_y:
        rgb = rgb[:, ::-1]
    _, height, width = rgb.shape
    if height % 2 or width % 2:
        rgb = np.pad(rgb, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    return np.ascontiguousarray(rgb)


def _levels(color: Color) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Span and zero of luma, span and zero of chroma, in code values (H.273, equations 20 to 25)."""
    step = 1 << (color.bits - 8)
    if color.full_range:
        top = (256 * step) - 1
        levels = (top, 0, top, 128 * step)
    else:
        levels = (219 * step, 16 * step, 224 * step, 128 * step)
    ys, y0, cs, c0 = (np.float32(level) for level in levels)
    return ys, y0, cs, c0


def _stored(rgb: Array, color: Color) -> Array:
    if color.bits > 8:
        return np.clip(rgb, 0, 1, out=rgb)
    rgb *= 255
    return _rounded(rgb, np.float32(255)).astype(np.uint8)


def _mixed(planes: Array, weights: tuple[float, float, float], *, scale: np.floating[Any], offset: np.float32) -> Array:
    out: Array = np.multiply(planes[0], np.float32(weights[0] * scale), dtype=np.float32)
    for plane, weight in zip(planes[1:], weights[1:], strict=True):
        out += np.multiply(plane, np.float32(weight * scale), dtype=np.float32)
    out += offset
    return out


def _rounded(plane: Array, top: np.float32) -> Array:
    np.rint(plane, out=plane)
    return np.clip(plane, 0, top, out=plane)


def _across(siting: Siting) -> bool:
    """Whether chroma lies on a column of luma, and not between two."""
    return siting in ("left", "topleft", "bottomleft")


def _down(siting: Siting) -> bool:
    """Whether chroma lies on a row of luma: on the upper one, for the rare "bottom" sitings too."""
    return siting not in ("left", "center")


def _upsampled(plane: Array, size: tuple[int, int], on_luma: tuple[bool, bool]) -> Array:
    height, width = size
    while plane.shape[0] < height:
        plane = _doubled(plane, on_luma[1])[:height]
    while plane.shape[1] < width:
        plane = np.ascontiguousarray(_doubled(plane.T, on_luma[0]).T)[:, :width]
    return plane


def _doubled(plane: Array, on_luma: bool) -> Array:
    """Twice as many rows, linearly: at 0 and 1/2 of the way when chroma lies on luma rows, else at -1/4 and 1/4."""
    out = np.empty((2 * plane.shape[0], plane.shape[1]), np.float32)
    after = np.concatenate((plane[1:], plane[-1:]))
    if on_luma:
        out[0::2] = plane
        out[1::2] = (plane + after) / 2
    else:
        before = np.concatenate((plane[:1], plane[:-1]))
        out[0::2] = plane * np.float32(0.75) + before * np.float32(0.25)
        out[1::2] = plane * np.float32(0.75) + after * np.float32(0.25)
    return out


def _halved(plane: Array, siting: Siting) -> Array:
    """Every second sample both ways: the mean of two when chroma lies between them, else 1-2-1 around the even one."""
    rows = _decimated(plane, _down(siting))
    return _decimated(rows.T, _across(siting)).T


def _decimated(plane: Array, on_luma: bool) -> Array:
    even, odd = plane[0::2], plane[1::2]
    if not on_luma:
        return (even + odd) * np.float32(0.5)
    before = np.concatenate((even[:1], odd[:-1]))
    return even * np.float32(0.5) + (before + odd) * np.float32(0.25)
