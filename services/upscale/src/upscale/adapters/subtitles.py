"""Timed text of the original, moved along with its picture."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from upscale.adapters.sound import AnyPacket, dressed
from upscale.domain.soundtrack import Window

__all__ = ["Subtitles", "text_of"]

_MILLISECOND = Fraction(1, 1000)


class Subtitles:
    """A track of timed text or pictures; one that begins before the stretch begins with it.

    QuickTime text becomes SubRip where the container has no place for it: the same words at the same times, without
    their style.
    """

    def __init__(self, source: Stream, output: OutputContainer, window: Window) -> None:
        self.source = source
        self._window = window
        self._shown: AnyPacket | None = None
        """The newest from before the stretch, if nothing says for how long it is shown."""
        self._as_text = source.codec_context.name not in output.supported_codecs
        self._target: Stream = (
            output.add_mux_stream("subrip") if self._as_text else output.add_stream_from_template(source)
        )
        dressed(self._target, source)

    def take(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """What of it lies within the stretch.

        Pictures of Blu-ray and DVB often have no duration: each is shown until the next comes.
        """
        start = packet.pts * packet.time_base  # type: ignore[operator] # packets without a time were left out
        duration = (packet.duration or 0) * packet.time_base
        if not duration and start < self._window.start:
            self._shown = packet
            return
        if self._shown is not None and start > self._window.start:
            yield from self._placed(self._shown, Fraction(0), Fraction(0))
        self._shown = None
        first, last = self._window.heard(start, duration)
        if last > first or (not duration and self._window.wants(start, duration)):
            yield from self._placed(packet, first, max(first, last))

    def finish(self) -> Iterator[AnyPacket]:
        """What was shown from before the stretch to its end."""
        if self._shown is not None and not self._window.from_the_start:
            yield from self._placed(self._shown, Fraction(0), Fraction(0))

    def _placed(self, packet: AnyPacket, first: Fraction, last: Fraction) -> Iterator[AnyPacket]:
        if self._as_text:
            words = text_of(bytes(packet))
            if not words:
                return  # QuickTime says so where nothing is to be read
            packet = Packet(words.encode())
            packet.time_base = _MILLISECOND
        packet.stream = self._target
        packet.pts = packet.dts = round(first / packet.time_base)
        packet.duration = round((last - first) / packet.time_base)
        yield packet


def text_of(sample: bytes) -> str:
    """The words of a sample of QuickTime text (3GPP TS 26.245, 5.17): 16 bits of length, then UTF-8 or UTF-16."""
    length: Any = int.from_bytes(sample[:2], "big")
    words = sample[2 : 2 + length]
    return words.decode("utf-16" if words[:2] in (b"\xfe\xff", b"\xff\xfe") else "utf-8", "replace").strip()
