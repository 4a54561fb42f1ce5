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

__all__ = ["Planes", "beyond", "film_planes", "oriented", "restored", "to_rgb", "to_yuv420"]

Array = NDArray[Any]
Planes = tuple[Array, Array, Array]
_BAND = 32
"""Rows that are turned into luma and chroma at once: what is in between stays in the cache."""


def to_rgb(planes: Planes, color: Color) -> Array:
    """R'G'B' of one frame from Y', Cb and Cr, whose chroma may be subsampled by 2 or 4 in either direction."""
    luma, blue, red = planes
    ys, y0, cs, c0 = _levels(color)
    top = 255 if color.bits == 8 else 1
    half = 0.5 if color.bits == 8 else 0
    y = luma * np.float32(top / ys)
    y -= np.float32(y0 * top / ys - half)
    cb, cr = (
        _upsampled((plane.astype(np.float32) - c0) * (top / cs), luma.shape, color.siting) for plane in (blue, red)
    )
    kr, kg, kb = luma_weights(color.matrix)
    rgb = np.empty((3, *luma.shape), np.float32)
    np.multiply(cr, np.float32(2 * (1 - kr)), out=rgb[0])
    np.multiply(cb, np.float32(-2 * (1 - kb) * kb / kg), out=rgb[1])
    np.multiply(cb, np.float32(2 * (1 - kb)), out=rgb[2])
    cr *= np.float32(2 * (1 - kr) * kr / kg)
    rgb[1] -= cr
    rgb += y
    if color.bits > 8:
        return np.clip(rgb, 0, 1, out=rgb)
    return np.clip(rgb, 0, 255, out=rgb).astype(np.uint8)  # which cuts off what is behind the point: half was added


def to_yuv420(rgb: Array, color: Color) -> Planes:
    """Y', Cb and Cr of one frame at 4:2:0; ``rgb`` has even sides."""
    _, height, width = rgb.shape
    kind = np.uint8 if color.bits == 8 else np.uint16
    luma = np.empty((height, width), kind)
    blue, red = (np.empty((height // 2, width // 2), kind) for _ in range(2))
    above = 2 if _down(color.siting) else 0
    for top in range(0, height, _BAND):
        rows = slice(top, min(top + _BAND, height))
        small_rows = slice(rows.start // 2, rows.stop // 2)
        luma[rows] = _luma_of(rgb[:, rows], color)
        context = min(above, top)
        pair = _chroma_of(rgb[:, top - context : rows.stop], color)
        blue[small_rows], red[small_rows] = (plane[context // 2 :] for plane in pair)
    return luma, blue, red


def _luma_of(rgb: Array, color: Color) -> Array:
    """Whole code values."""
    ys, y0, _, _ = _levels(color)
    unit = ys / (255 if rgb.dtype == np.uint8 else 1)
    kr, kg, kb = luma_weights(color.matrix)
    out: Array = rgb[0] * np.float32(kr * unit)
    out += rgb[1] * np.float32(kg * unit)
    out += rgb[2] * np.float32(kb * unit)
    out += y0
    return np.rint(out, out=out)


def _chroma_of(rgb: Array, color: Color) -> tuple[Array, Array]:
    """Whole code values of blue and red."""
    _, _, cs, c0 = _levels(color)
    sums, count = _halved(rgb, color.siting)
    unit = cs / (count * (255 if rgb.dtype == np.uint8 else 1))
    kr, kg, kb = luma_weights(color.matrix)
    luma: Array = sums[0] * np.float32(kr)
    luma += sums[1] * np.float32(kg)
    luma += sums[2] * np.float32(kb)
    top = np.float32(255 if color.bits == 8 else 1023)
    blue, red = (
        np.clip(np.rint((plane - luma) * np.float32(unit / (2 * (1 - weight))) + c0), 0, top)
        for plane, weight in ((sums[2], kb), (sums[0], kr))
    )
    return blue, red


def beyond(luma: Array, color: Color) -> Array | None:
    """By how much luma is darker than black or brighter than white, which R'G'B' cannot say; None if it nowhere is."""
    ys, y0, _, _ = _levels(color)
    if y0 <= luma.min() and luma.max() <= y0 + ys:
        return None
    outside: Array = luma - np.clip(luma.astype(np.float32), y0, y0 + ys)
    return outside


def restored(planes: Planes, outside: Array, *, scale: int, orientation: Orientation, color: Color) -> Planes:
    """The enlarged picture with what lay beyond black and white in the source."""
    luma, blue, red = planes
    large = _stretched(_stretched(outside, scale, 0), scale, 1)
    whole = np.rint(luma + oriented(large[None], orientation)[0])
    return np.clip(whole, 0, 255 if color.bits == 8 else 1023).astype(luma.dtype), blue, red


def film_planes(picture: Array, outside: Array | None, *, scale: int, orientation: Orientation, color: Color) -> Planes:
    """An enlarged R'G'B' picture as the film's planes, with what lay ``outside`` of it in the source."""
    planes = to_yuv420(oriented(picture, orientation), color)
    if outside is None:
        return planes
    return restored(planes, outside, scale=scale, orientation=orientation, color=color)


def _stretched(values: Array, scale: int, axis: int) -> Array:
    """Linear interpolation at the centres of ``scale`` parts of every sample."""
    last = values.shape[axis] - 1
    at = np.clip((np.arange(values.shape[axis] * scale) + 0.5) / scale - 0.5, 0, last)
    low = at.astype(int)
    share = (at - low).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
    mixed: Array = values.take(low, axis) * (1 - share) + values.take(np.minimum(low + 1, last), axis) * share
    return mixed


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


def _across(siting: Siting) -> bool:
    """Whether chroma lies on a column of luma, and not between two."""
    return siting in ("left", "topleft", "bottomleft")


def _down(siting: Siting) -> bool:
    """Whether chroma lies on a row of luma: on the upper one, for the rare "bottom" sitings too."""
    return siting not in ("left", "center")


def _upsampled(plane: Array, size: tuple[int, ...], siting: Siting) -> Array:
    while plane.shape[0] < size[0]:
        plane = _doubled(plane, 0, _down(siting))[: size[0]]
    while plane.shape[1] < size[1]:
        plane = _doubled(plane, 1, _across(siting))[:, : size[1]]
    return plane


def _doubled(plane: Array, axis: int, on_luma: bool) -> Array:
    """Twice as many samples, linearly: at 0 and 1/2 of the way when chroma lies on luma, else at -1/4 and 1/4."""
    out = np.empty([side * (2 if way == axis else 1) for way, side in enumerate(plane.shape)], np.float32)
    even, odd = _cut(out, axis, step=2), _cut(out, axis, 1, step=2)
    after = np.concatenate((_cut(plane, axis, 1), _cut(plane, axis, -1)), axis)
    if on_luma:
        even[:] = plane
        np.multiply(plane + after, np.float32(0.5), out=odd)
        return out
    before = np.concatenate((_cut(plane, axis, 0, 1), _cut(plane, axis, 0, -1)), axis)
    near = plane * np.float32(0.75)
    for target, far in ((even, before), (odd, after)):
        far *= np.float32(0.25)
        np.add(near, far, out=target)
    return out


def _halved(rgb: Array, siting: Siting) -> tuple[Array, int]:
    """Every second sample both ways, as sums, and what those are to be divided by."""
    kind = np.uint16 if rgb.dtype == np.uint8 else np.float32
    rows, high = _summed(rgb, 1, _down(siting), kind)
    sums, wide = _summed(rows, 2, _across(siting), kind)
    return sums, high * wide


def _summed(planes: Array, axis: int, on_luma: bool, kind: Any) -> tuple[Array, int]:
    """Of two samples when chroma lies between them, else 1-2-1 around the even one."""
    even, odd = _cut(planes, axis, step=2), _cut(planes, axis, 1, step=2)
    sums: Array = np.add(even, odd, dtype=kind)
    if not on_luma:
        return sums, 2
    sums += even
    before = np.concatenate((_cut(even, axis, 0, 1), _cut(odd, axis, 0, -1)), axis)
    sums += before
    return sums, 4


def _cut(array: Array, axis: int, start: int | None = None, stop: int | None = None, *, step: int = 1) -> Array:
    return array[(slice(None),) * axis + (slice(start, stop, step),)]
