"""Sound tracks of the original, copied as they are or, where the container cannot hold them, encoded anew."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

from upscale.adapters.trimming import cut_short
from upscale.domain.quality import Span
from upscale.domain.soundtrack import Window

__all__ = ["AnyPacket", "CopiedSound", "EncodedSound", "Heard", "dressed"]

AnyPacket: TypeAlias = "Packet[Any]"

_BIT_RATE_PER_CHANNEL = 96_000
_AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000})
_OF_ONE_SIZE = frozenset({"aac", "mp3", "ac3", "eac3"})
"""Codecs of which the last packet decodes to as many samples as any, however few of them are meant."""
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
"""By channels, what AAC takes; any other number is mixed down to stereo."""
_CHANNELS = {layout: channels for channels, layout in _LAYOUTS.items()}


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


def dressed(target: Stream, source: Stream) -> None:
    """Language, title and what the track is for."""
    target.metadata.update({k: v for k, v in source.metadata.items() if k.lower() in {"language", "title"}})
    target.disposition = source.disposition


class CopiedSound:
    """A sound track whose packets go over as they are."""

    def __init__(self, source: AudioStream, output: OutputContainer, window: Window, heard: Heard) -> None:
        self.source = source
        self._target = output.add_stream_from_template(source)
        dressed(self._target, source)
        self._window = window
        self._heard = heard
        self._rate = source.codec_context.sample_rate
        of_one_size = source.codec_context.codec.canonical_name in _OF_ONE_SIZE
        self._decoded = source.codec_context.frame_size if of_one_size else 0
        self._next: int | None = None

    def take(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """What of it lies within the stretch."""
        start = packet.pts * packet.time_base  # type: ignore[operator] # packets without a time were left out
        samples = self._samples(packet)
        duration = Fraction(samples, self._rate)
        if not self._window.wants(start, duration):
            return
        first, last = self._window.heard(start, duration)
        self._heard.note(first, last)
        place = self._placed(start - self._window.start, packet.time_base)
        self._next = place + samples
        rounding = packet.time_base * self._rate
        packet.stream = self._target
        packet.time_base = Fraction(1, self._rate)
        packet.pts = packet.dts = place
        end = round(last * self._rate)
        packet.duration = max(1, min(samples, end - place)) if end > place else samples
        if (unheard := max(samples, self._decoded) - packet.duration) > rounding:
            cut_short(packet, unheard)
        yield packet

    def finish(self) -> Iterator[AnyPacket]:
        """What was held back."""
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


class EncodedSound:
    """A sound track that the container cannot take: decoded, cut to the sample, encoded as AAC."""

    def __init__(self, source: AudioStream, output: OutputContainer, window: Window, heard: Heard) -> None:
        self.source = source
        rate = source.codec_context.sample_rate
        self._rate = rate if rate in _AAC_RATES else 48_000
        self._layout = layout = _LAYOUTS.get(source.codec_context.channels, "stereo")
        self._resampler = AudioResampler(format="fltp", layout=layout, rate=self._rate)
        self._target = output.add_stream("aac", rate=self._rate, layout=layout)
        self._target.bit_rate = _BIT_RATE_PER_CHANNEL * source.codec_context.channels
        dressed(self._target, source)
        self._window = window
        self._heard = heard
        self._at: int | None = None
        self._filled = 0

    def take(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """What of it lies within the stretch."""
        start = packet.pts * packet.time_base  # type: ignore[operator] # packets without a time were left out
        if not self._window.wants(start, (packet.duration or 0) * packet.time_base + self._window.lead_in):
            return
        yield from self._heard_from(packet)

    def finish(self) -> Iterator[AnyPacket]:
        """What was held back."""
        yield from self._heard_from(None)
        if self._at is not None:
            yield from self._encoded(self._resampler.resample(None))
            for packet in self._target.encode(None):
                if packet.duration and (unheard := self._target.codec_context.frame_size - packet.duration) > 0:
                    cut_short(packet, unheard)
                yield packet

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
