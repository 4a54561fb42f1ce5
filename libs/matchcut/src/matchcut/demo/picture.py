"""The demo's picture: shots in slow motion through a moving view, with the mark on top."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from matchcut.demo.edit import HEIGHT, MARK, SHOTS, WIDTH, Crop, Shot
from matchcut.demo.mark import stamp

__all__ = ["compose_picture"]

Picture = npt.NDArray[np.uint8]


def compose_picture() -> Iterator[Picture]:
    """All frames of the film, RGB, one after another."""
    colour, opacity = stamp()
    height, width = opacity.shape[:2]
    corner = np.s_[MARK.y : MARK.y + height, MARK.x : MARK.x + width]
    for number, picture in enumerate(_shots()):
        if MARK.start_frame <= number < MARK.end_frame:
            below = picture[corner].astype(np.float32)
            picture[corner] = np.rint(below + (colour - below) * opacity).astype(np.uint8)
        yield picture


def _shots() -> Iterator[Picture]:
    """Rendered ahead by two threads (Pillow lets go of the interpreter while it resizes), given out in order."""
    with ThreadPoolExecutor(2) as painters:
        under_way: deque[Future[Picture]] = deque()
        for shot in SHOTS:
            for index, before, after in _pairs(shot):
                under_way.append(painters.submit(_paint, shot, index, before, after))
                if len(under_way) > 6:
                    yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _pairs(shot: Shot) -> Iterator[tuple[int, Image.Image, Image.Image]]:
    """Every frame of the film with the two source frames it lies between."""
    sources = _numbered_frames(shot)
    before, after = next(sources), next(sources)
    for index in range(shot.frames):
        while after[0] <= shot.first + index * shot.speed:
            before, after = after, next(sources)
        yield index, before[1], after[1]


def _paint(shot: Shot, index: int, before: Image.Image, after: Image.Image) -> Picture:
    wanted = shot.first + index * shot.speed
    mixed = Image.blend(before, after, wanted - int(wanted))
    progress = index / max(1, shot.frames - 1)
    eased = progress * progress * (3 - 2 * progress)
    view = _view(mixed.size, shot.start_crop, shot.end_crop, eased)
    picture = mixed.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=view)
    if shot.mirrored:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.array(picture)


def _numbered_frames(shot: Shot) -> Iterator[tuple[int, Image.Image]]:
    """Source frames from ``shot.first`` on; the last one again when the source ends."""
    picture = None
    with av.open(str(shot.source.locate())) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= int(shot.first):
                picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
                yield number, picture
    assert picture is not None, "the cutting list stays inside its sources"
    yield number + 1, picture


def _view(size: tuple[int, int], start: Crop, end: Crop, progress: float) -> tuple[float, float, float, float]:
    """The crop at this moment as left, top, right, bottom in source pixels, cut to the film's shape."""
    x, y, width, height = (a + (b - a) * progress for a, b in zip(start, end, strict=True))
    left, top, wide, high = x * size[0], y * size[1], width * size[0], height * size[1]
    shape = WIDTH / HEIGHT
    if wide / high > shape:
        left, wide = left + (wide - high * shape) / 2, high * shape
    else:
        top, high = top + (high - wide / shape) / 2, wide / shape
    return left, top, left + wide, top + high
