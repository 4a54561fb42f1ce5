"""Reduced frames kept on disk while a film is looked at, so that memory stays small however long the film is."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Planes", "SampleStore", "Selection", "Still"]

Planes = NDArray[np.uint8]
"""``[height, width, 2]``: luma, and how much redder than blue a pixel is (128 = neither)."""

Still = NDArray[np.uint8]
"""``[height, width, 3]``: BGR."""

_QUALITY = 95
"""JPEG quality: high enough that a mark of 12 % opacity keeps its edges."""


_RECENT = 32
"""Pictures kept decoded: about 15 MB. A mark is followed over the same few samples again and again."""


class SampleStore:
    """Pictures by their place in the order they came, each with its frame number."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._places: list[tuple[int, int]] = []
        self._recent: OrderedDict[int, Planes] = OrderedDict()
        self.frames: list[int] = []

    def __len__(self) -> int:
        return len(self.frames)

    def append(self, frame: int, still: Still) -> None:
        """Keep one picture; ``frame`` must not be smaller than those before."""
        encoded = cv2.imencode(".jpg", still, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        start = self._file.seek(0, 2)
        self._places.append((start, self._file.write(encoded.tobytes())))
        self.frames.append(frame)

    def __getitem__(self, index: int) -> Planes:
        """The picture as marks are looked for in it."""
        planes = self._recent.pop(index, None)
        if planes is None:
            luma, red, blue = cv2.split(cv2.cvtColor(self.still(index), cv2.COLOR_BGR2YCrCb))
            planes = np.asarray(cv2.merge([luma, cv2.addWeighted(red, 0.5, blue, -0.5, 128.0)]), np.uint8)
            if len(self._recent) >= _RECENT:
                self._recent.popitem(last=False)
        self._recent[index] = planes
        return planes

    def still(self, index: int) -> Still:
        """The picture in colour."""
        start, size = self._places[index]
        self._file.seek(start)
        return np.asarray(cv2.imdecode(np.frombuffer(self._file.read(size), np.uint8), cv2.IMREAD_COLOR), np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Selection:
    """Some of the pictures of a store, as if they were all."""

    def __init__(self, store: SampleStore, places: Sequence[int]) -> None:
        self._store, self._places = store, places
        self.frames = [store.frames[place] for place in places]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Planes:
        """The picture as marks are looked for in it."""
        return self._store[self._places[index]]
