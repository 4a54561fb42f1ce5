"""Decodes a finished file from end to end and says what is in it."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.frame import VideoFrame

from upscale.adapters.reading import decoded, opened, video_of
from upscale.adapters.trimming import unheard_at_end
from upscale.domain.quality import Seen, Span, Track

__all__ = ["brightness_of", "pieces", "seen_in", "setup_of", "sound_in"]


def seen_in(path: Path, *, each: Callable[[int, VideoFrame], None] | None = None) -> Seen:
    """Count, time and measure every frame; ``each`` is called with number and frame."""
    with opened(path) as container:
        stream = video_of(container)
        base = stream.time_base or Fraction(1)
        times, sizes, formats, tags = list[Fraction](), set(), set(), set()
        for number, frame in enumerate(decoded(container, stream)):
            times.append((frame.pts or 0) * base)
            sizes.add((frame.width, frame.height))
            formats.add(frame.format.name.replace("yuvj", "yuv"))
            full = frame.format.name.startswith("yuvj") or int(frame.color_range) == 2
            tags.add((full, int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace)))
            if each is not None:
                each(number, frame)
        aspect = stream.sample_aspect_ratio or Fraction(1)
    return Seen(tuple(times), frozenset(sizes), frozenset(formats), frozenset(tags), aspect)


def brightness_of(frame: VideoFrame) -> float:
    """Mean of luma, in code values."""
    plane = frame.planes[0]
    samples = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    if frame.format.components[0].bits > 8:
        samples = samples.view("<u2")
    return float(samples[:, : plane.width].mean())


def setup_of(path: Path) -> str:
    """Digest of what a decoder is set up with: files that share it can be joined without encoding again."""
    with opened(path) as container:
        return hashlib.sha256(video_of(container).codec_context.extradata or b"").hexdigest()


def pieces(path: Path, size: int = 1 << 20) -> Iterator[bytes]:
    """The bytes of a file, bit by bit."""
    with path.open("rb") as file:
        while piece := file.read(size):
            yield piece


def sound_in(path: Path) -> list[Track]:
    """When each sound track is heard as the container presents it, against the first picture, and how much decodes."""
    with opened(path) as container:
        streams = container.streams.audio
        origin = _origin(container)
        spans: dict[int, tuple[Fraction, Fraction]] = {}
        decodable: Counter[int] = Counter()
        decoded_until, cut_short = dict[int, Fraction](), set[int]()
        for packet in container.demux(streams) if streams else ():
            if packet.pts is not None:
                begin = packet.pts * packet.time_base
                end = begin + (packet.duration or 0) * packet.time_base
                first, last = spans.get(packet.stream.index, (begin, end))
                spans[packet.stream.index] = min(first, begin), max(last, end)
            if unheard_at_end(packet):
                cut_short.add(packet.stream.index)
            with suppress(av.error.InvalidDataError):
                for frame in packet.decode():
                    decodable[packet.stream.index] += frame.samples
                    if frame.pts is not None and frame.time_base is not None:
                        heard = frame.pts * frame.time_base + Fraction(frame.samples, frame.sample_rate)
                        decoded_until[packet.stream.index] = heard
        for index in cut_short & spans.keys() & decoded_until.keys():  # a packet does not always say how much of it
            spans[index] = spans[index][0], decoded_until[index]
        return [
            Track(
                Span(
                    max(0.0, float(spans[stream.index][0] - origin)),
                    float(min(spans[stream.index][1], _presented(stream)) - origin),
                ),
                decodable[stream.index] / stream.codec_context.sample_rate,
            )
            for stream in streams
            if stream.index in spans
        ]


def _origin(container: InputContainer) -> Fraction:
    """When the first picture is shown, as the container counts."""
    stream = video_of(container)
    return (stream.start_time or 0) * (stream.time_base or Fraction(1))


def _presented(stream: AudioStream) -> Fraction:
    """When the container stops a track; parsers make the last packet of some codecs longer than the file says."""
    if stream.duration is None or stream.time_base is None:
        return Fraction(2**62)
    return ((stream.start_time or 0) + stream.duration) * stream.time_base
