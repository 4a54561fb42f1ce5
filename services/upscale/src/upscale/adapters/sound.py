"""Everything of the film that is not picture: sound, subtitles, chapters and names, taken from the original."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol, TypeAlias

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

from upscale.domain.quality import Span
from upscale.domain.soundtrack import COPIED, LEAD_IN_S, Window

__all__ = ["AnyPacket", "Companions", "companions_of"]

AnyPacket: TypeAlias = "Packet[Any]"

_BIT_RATE_PER_CHANNEL = 96_000
_AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000})
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
"""By channels, what AAC takes; any other number is mixed down to stereo."""
_CHANNELS = {layout: channels for channels, layout in _LAYOUTS.items()}
_OUR_OWN = frozenset({"encoder", "major_brand", "minor_version", "compatible_brands"})
"""Names that say how the old file was written, not what it holds."""


@dataclass
class Heard:
    """From when to when a track of the original is heard within the stretch."""

    start: Fraction | None = None
    end: Fraction = Fraction(0)

    def note(self, start: Fraction, end: Fraction) -> None:
        """Add a piece that is heard from ``start`` to ``end``."""
        if end > start:
            self.start = start if self.start is None else min(self.start, start)
            self.end = max(self.end, end)

    @property
    def span(self) -> Span | None:
        """Both ends in seconds; None when nothing is heard."""
        return None if self.start is None else Span(float(self.start), float(self.end))


class _Track(Protocol):
    @property
    def source(self) -> Stream:
        """Where its packets come from."""
        ...

    def take(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """What of this packet goes into the result."""
        ...

    def finish(self) -> Iterator[AnyPacket]:
        """What is left once all packets were taken."""
        ...


@dataclass
class Companions:
    """The tracks that go along with the picture."""

    tracks: list[_Track] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        """Where each sound track that is heard at all should be heard."""
        return [heard.span for heard in self.heard if heard.span is not None]

    def packets(self, original: InputContainer, window: Window) -> Iterator[tuple[Fraction, AnyPacket]]:
        """Each packet for the result with the second at which it is decoded, about in order."""
        if not self.tracks:
            return
        if not window.from_the_start:
            with suppress(av.error.FFmpegError):  # a container that cannot seek is read from its start
                original.seek(int((window.start - LEAD_IN_S - 1) * av.time_base), backward=True)
        by_index = {track.source.index: track for track in self.tracks}
        for packet in original.demux(*(track.source for track in self.tracks)):
            if packet.pts is None:
                continue
            yield from _timed(by_index[packet.stream.index].take(packet))
        for track in self.tracks:
            yield from _timed(track.finish())


def companions_of(original: InputContainer, output: OutputContainer, window: Window, *, video: int) -> Companions:
    """Open a track in ``output`` for each of the original's that can come along, and carry names and chapters over."""
    found = Companions()
    output.metadata.update({k: v for k, v in original.metadata.items() if k.lower() not in _OUR_OWN})
    for stream in original.streams:
        if isinstance(stream, AudioStream):
            heard = Heard()
            found.heard.append(heard)
            found.tracks.append(_sound_track(stream, output, window, heard, found.warnings))
        elif stream.type == "subtitle" and stream.codec_context.name == "mov_text":
            found.tracks.append(_Subtitles(stream, output, window))
        elif stream.index != video:
            found.warnings.append(f"{_named(stream)} was left out: MP4 cannot hold it as it is")
    chapters = [_shifted(chapter, window) for chapter in original.chapters()]
    output.set_chapters([chapter for chapter in chapters if chapter is not None])
    return found


def _timed(packets: Iterator[AnyPacket]) -> Iterator[tuple[Fraction, AnyPacket]]:
    for packet in packets:
        yield (packet.dts or 0) * packet.time_base, packet


def _named(stream: Stream) -> str:
    return f"stream {stream.index} ({stream.type} {stream.language or ''})".replace(" )", ")")


def _sound_track(
    stream: AudioStream, output: OutputContainer, window: Window, heard: Heard, warnings: list[str]
) -> _Track:
    codec = stream.codec_context.codec.canonical_name
    if codec in COPIED:
        return _Copied(stream, output, window, heard)
    warnings.append(f"{_named(stream)} was encoded anew as AAC: MP4 players do not play {codec}")
    return _Reencoded(stream, output, window, heard)


def _dressed(target: Stream, source: Stream) -> None:
    """Language, title and what the track is for."""
    target.metadata.update({k: v for k, v in source.metadata.items() if k.lower() in {"language", "title"}})
    target.disposition = source.disposition


class _Copied:
    """A sound track whose packets go over as they are."""

    def __init__(self, source: AudioStream, output: OutputContainer, window: Window, heard: Heard) -> None:
        self.source = source
        self._target = output.add_stream_from_template(source)
        _dressed(self._target, source)
        self._window = window
        self._heard = heard
        self._rate = source.codec_context.sample_rate
        self._next: int | None = None

    def take(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        start = packet.pts * packet.time_base  # type: ignore[operator] # packets without a time were left out
        samples = self._samples(packet)
        duration = Fraction(samples, self._rate)
        if not self._window.wants(start, duration):
            return
        first, last = self._window.heard(start, duration)
        self._heard.note(first, last)
        place = self._placed(start - self._window.start, packet.time_base)
        self._next = place + samples
        packet.stream = self._target
        packet.time_base = Fraction(1, self._rate)
        packet.pts = packet.dts = place
        end = round(last * self._rate)
        packet.duration = max(1, min(samples, end - place)) if end > place else samples
        yield packet

    def finish(self) -> Iterator[AnyPacket]:
        yield from ()

    def _samples(self, packet: AnyPacket) -> int:
        """Containers with coarse ticks round durations; codecs with frames of one size know better."""
        told = round((packet.duration or 0) * packet.time_base * self._rate)
        size = self.source.codec_context.frame_size or 0
        rounding = packet.time_base * self._rate
        return size if size and (not told or abs(told - size) <= rounding) else told

    def _placed(self, start: Fraction, tick: Fraction) -> int:
        """The sample to begin at: right behind the packet before, unless the container means another moment."""
        meant = round(start * self._rate)
        if self._next is not None and abs(meant - self._next) <= max(1.0, float(tick * self._rate)):
            return self._next
        return meant if self._next is None else max(meant, self._next)


class _Reencoded:
    """A sound track that MP4 cannot take: decoded, cut to the sample, encoded as AAC."""

    def __init__(self, source: AudioStream, output: OutputContainer, window: Window, heard: Heard) -> None:
        self.source = source
        rate = source.codec_context.sample_rate
        self._rate = rate if rate in _AAC_RATES else 48_000
        self._layout = layout = _LAYOUTS.get(source.codec_context.channels, "stereo")
        self._resampler = AudioResampler(format="fltp", layout=layout, rate=self._rate)
        self._target = output.add_stream("aac", rate=self._rate, layout=layout)
        self._target.bit_rate = _BIT_RATE_PER_CHANNEL * source.codec_context.channels
        _dressed(self._target, source)
        self._window = window
        self._heard = heard
        self._at: int | None = None
        self._filled = 0

    def take(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        start = packet.pts * packet.time_base  # type: ignore[operator] # packets without a time were left out
        if not self._window.wants(start, (packet.duration or 0) * packet.time_base + LEAD_IN_S):
            return
        yield from self._heard_from(packet)

    def finish(self) -> Iterator[AnyPacket]:
        yield from self._heard_from(None)
        if self._at is not None:
            yield from self._encoded(self._resampler.resample(None))
            yield from self._target.encode(None)

    def _heard_from(self, packet: "AnyPacket | None") -> Iterator[AnyPacket]:
        try:
            frames = self.source.codec_context.decode(packet)
        except av.error.InvalidDataError:
            return
        for frame in frames:
            if self._at is None and frame.pts is not None and frame.time_base is not None:
                self._at = round((frame.pts * frame.time_base - self._window.start) * self._rate)
            if self._at is not None:
                yield from self._encoded(self._resampler.resample(frame))

    def _encoded(self, frames: list[AudioFrame]) -> Iterator[AnyPacket]:
        for frame in frames:
            assert self._at is not None
            begin, self._at = self._at, self._at + frame.samples
            end = self._at
            if self._window.end is not None:
                end = min(end, round((self._window.end - self._window.start) * self._rate))
            if end <= max(begin, 0):
                continue
            yield from self._silence(begin)
            samples = frame.to_ndarray()[:, max(0, -begin) : end - begin]
            self._heard.note(Fraction(max(0, begin), self._rate), Fraction(end, self._rate))
            yield from self._target.encode(self._piece(samples.copy(), max(0, begin)))

    def _silence(self, until: int) -> Iterator[AnyPacket]:
        """Fill the time before the first sound, so that the encoder's own run-in lies before the picture."""
        while self._filled < until:
            size = min(self._rate, until - self._filled)
            empty = np.zeros((_CHANNELS[self._layout], size), np.float32)
            yield from self._target.encode(self._piece(empty, self._filled))
            self._heard.note(Fraction(self._filled, self._rate), Fraction(self._filled + size, self._rate))
            self._filled += size
        self._filled = sys.maxsize

    def _piece(self, samples: NDArray[Any], at: int) -> AudioFrame:
        piece = AudioFrame.from_ndarray(samples, format="fltp", layout=self._layout)
        piece.sample_rate = self._rate
        piece.time_base = Fraction(1, self._rate)
        piece.pts = at
        return piece


class _Subtitles:
    """Timed text, moved along; one that begins before the stretch begins with it."""

    def __init__(self, source: Stream, output: OutputContainer, window: Window) -> None:
        self.source = source
        self._target = output.add_stream_from_template(source)
        _dressed(self._target, source)
        self._window = window

    def take(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        start = packet.pts * packet.time_base  # type: ignore[operator] # packets without a time were left out
        first, last = self._window.heard(start, (packet.duration or 0) * packet.time_base)
        if last <= first:
            return
        packet.stream = self._target
        packet.pts = packet.dts = round(first / packet.time_base)
        packet.duration = round((last - first) / packet.time_base)
        yield packet

    def finish(self) -> Iterator[AnyPacket]:
        yield from ()


def _shifted(chapter: Any, window: Window) -> Any:
    """A chapter as the result has it; None when it lies outside."""
    base = Fraction(chapter["time_base"])
    first, last = window.heard(chapter["start"] * base, (chapter["end"] - chapter["start"]) * base)
    if last <= first:
        return None
    return {**chapter, "start": round(first / base), "end": round(last / base)}
