"""Pictures, decoded by Pillow: what a file claims to be is not believed, and a small file may not become a huge one."""

import asyncio
import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from gateway.domain.logos import PictureFormat, PictureMeasures
from gateway.domain.refusals import UnusablePicture

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

__all__ = ["PillowPictures"]

_FORMATS: dict[str, PictureFormat] = {"PNG": "png", "JPEG": "jpeg", "WEBP": "webp"}
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, LookupError, ArithmeticError, struct.error, zlib.error)
"""What Pillow raises of files that are not what they claim to be."""
_SHORTEST = 8
"""Pixels of the shorter side: a smaller picture looks like everything."""


class PillowPictures:
    """Decodes one picture at a time, in a thread: a large one takes a second of a core."""

    def __init__(self, *, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._turn = asyncio.Semaphore(1)

    async def measure(self, content: bytes) -> PictureMeasures:
        """What a picture is, decoded whole. Raises UnusablePicture."""
        async with self._turn:
            return await asyncio.to_thread(self._measure, content)

    def _measure(self, content: bytes) -> PictureMeasures:
        from PIL import Image

        try:
            with Image.open(BytesIO(content), formats=tuple(_FORMATS)) as picture:
                self._check_size(picture)
                picture.load()  # all of it: a broken file must not come to light in a job
                return PictureMeasures(_FORMATS[picture.format or ""], picture.width, picture.height)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise self._too_many() from None
        except _BROKEN as error:
            raise UnusablePicture(f"this is no PNG, JPEG or WebP that can be decoded: {_said(error)}") from None

    def _check_size(self, picture: "ImageFile") -> None:
        """Before a pixel is decoded."""
        if picture.width * picture.height > self._max_pixels:
            raise self._too_many()
        if min(picture.size) < _SHORTEST:
            raise UnusablePicture(f"a logo has at least {_SHORTEST} pixels along each side")

    def _too_many(self) -> UnusablePicture:
        return UnusablePicture(f"a logo may have at most {self._max_pixels} pixels; make it smaller")


def _said(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
