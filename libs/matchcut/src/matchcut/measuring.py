"""What a file on disk measures, without decoding it."""

from pathlib import Path

import av

from matchcut.client import Measures

__all__ = ["Unmeasurable", "measure"]


class Unmeasurable(Exception):
    """The file does not say how long or how large it is; the gateway finds out by decoding it."""


def measure(path: Path) -> Measures:
    """Length, size and frame rate as the container tells them. Raises Unmeasurable."""
    try:
        with av.open(str(path)) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                raise Unmeasurable(f"{path} has no video")
            if container.duration is not None:
                duration = container.duration / av.time_base
            elif stream.duration is not None and stream.time_base is not None:
                duration = float(stream.duration * stream.time_base)
            else:
                raise Unmeasurable(f"{path} does not say how long it is")
            rate = stream.average_rate or stream.guessed_rate
            if rate is None or not stream.width:
                raise Unmeasurable(f"{path} does not say how large it is")
            return Measures(duration=duration, width=stream.width, height=stream.height, frame_rate=float(rate))
    except (av.FFmpegError, OSError) as fault:
        raise Unmeasurable(f"{path} cannot be read as a video: {fault}") from fault
