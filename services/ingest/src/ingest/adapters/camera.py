"""Poster and thumbnails, taken from frames as they pass. Runs in the child process."""

from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image

from ingest.domain.shape import Size, clockwise, displayed, fitted
from ingest.domain.stills import COLUMNS, FOR_POSTER, MOMENTS, ROWS, Look, moments
from ingest.domain.tonemap import to_standard_range

__all__ = ["Camera"]

THUMBNAIL = 160
"""Pixels of a thumbnail's longer side."""
_HDR: dict[int, Literal["pq", "hlg"]] = {16: "pq", 18: "hlg"}
_QUALITY = 80


class Camera:
    """Sees every decoded frame once, in order, and keeps a picture for each of the moments."""

    def __init__(self, *, duration: Fraction, sar: Fraction, poster_longest: int) -> None:
        self._moments = moments(duration)
        self._sar = sar
        self._poster_longest = poster_longest
        self._thumbnails: list[Image.Image] = []
        self._last: VideoFrame | None = None
        self._poster: VideoFrame | None = None
        self._merit = -1.0
        self._reformatter = VideoReformatter()

    def see(self, frame: VideoFrame, at: Fraction) -> None:
        """Take in a frame that is shown ``at`` seconds from the first."""
        if self._last is not None:
            self._keep(self._last, until=at)
        self._last = frame

    def develop(self, poster: Path, thumbnails: Path) -> None:
        """Write both pictures as JPEG; at least one frame was seen."""
        assert self._last is not None
        self._keep(self._last, until=None)
        self._picture(self._poster or self._last, self._poster_longest).save(poster, quality=_QUALITY, optimize=True)
        cell = self._thumbnails[0].size
        sheet = Image.new("RGB", (cell[0] * COLUMNS, cell[1] * ROWS))
        for index, thumbnail in enumerate(self._thumbnails):
            row, column = divmod(index, COLUMNS)
            sheet.paste(thumbnail, (column * cell[0], row * cell[1]))
        sheet.save(thumbnails, quality=_QUALITY, optimize=True)

    def _keep(self, frame: VideoFrame, *, until: Fraction | None) -> None:
        """Let ``frame`` stand for every open moment before ``until``."""
        picture: Image.Image | None = None
        while (count := len(self._thumbnails)) < MOMENTS and (until is None or self._moments[count] < until):
            if picture is None:
                picture = self._picture(frame, THUMBNAIL)
                self._consider(frame, picture, count)
            self._thumbnails.append(picture)

    def _consider(self, frame: VideoFrame, picture: Image.Image, index: int) -> None:
        luma = np.asarray(picture.convert("L"), dtype=np.float32)
        merit = Look(float(luma.mean()), float(luma.std())).merit
        if index < FOR_POSTER and merit > self._merit:
            self._merit, self._poster = merit, frame

    def _picture(self, frame: VideoFrame, longest: int) -> Image.Image:
        """The frame as people see it: pixels square, upright, in the range of an ordinary screen."""
        upright = displayed(Size(frame.width, frame.height), sar=self._sar, rotation=0)
        size = fitted(upright, longest=longest, even=False)
        transfer = _HDR.get(int(frame.color_trc))
        pixels = self._reformatter.reformat(
            frame,
            width=size.width,
            height=size.height,
            format="rgb48le" if transfer else "rgb24",
            interpolation=Interpolation.AREA,
            threads=1,
        ).to_ndarray()
        shown = to_standard_range(pixels.astype(np.uint16, copy=False), transfer) if transfer else pixels
        # numpy turns counter-clockwise.
        turned = np.rot90(shown, -clockwise(frame.rotation) // 90)
        return Image.fromarray(np.ascontiguousarray(turned))
