"""Everything of the film that is not picture: sound, subtitles, chapters, attachments and names, of the original."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import AttachmentStream, Stream

from upscale.adapters.sound import AnyPacket, CopiedSound, EncodedSound, Heard
from upscale.adapters.subtitles import Subtitles
from upscale.domain.encoding import Container
from upscale.domain.quality import Span
from upscale.domain.soundtrack import COPIED_INTO_MP4, Window

__all__ = ["Companions", "companions_of"]

_OUR_OWN = frozenset({"encoder", "major_brand", "minor_version", "compatible_brands"})
"""Names that say how the old file was written, not what it holds."""


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
                original.seek(int((window.start - window.lead_in - 1) * av.time_base), backward=True)
        by_index = {track.source.index: track for track in self.tracks}
        for packet in original.demux(*(track.source for track in self.tracks)):
            if packet.pts is None:
                continue
            yield from _timed(by_index[packet.stream.index].take(packet))
        for track in self.tracks:
            yield from _timed(track.finish())


def companions_of(
    original: InputContainer, output: OutputContainer, window: Window, *, video: int, container: Container
) -> Companions:
    """Open a track in ``output`` for each of the original's that can come along, and carry the rest of it over."""
    found = Companions()
    output.metadata.update({k: v for k, v in original.metadata.items() if k.lower() not in _OUR_OWN})
    for stream in original.streams:
        if isinstance(stream, AudioStream):
            heard = Heard()
            found.heard.append(heard)
            found.tracks.append(_sound_track(stream, output, window, heard, found.warnings, container))
        elif _is_text(stream, output, container):
            found.tracks.append(Subtitles(stream, output, window))
        elif isinstance(stream, AttachmentStream) and container == "mkv":
            output.add_attachment(stream.name or "attachment", stream.mimetype or _ANY, stream.data)
        elif stream.index != video:
            found.warnings.append(_left_out(stream, container))
    chapters = [_shifted(chapter, window) for chapter in original.chapters()]
    output.set_chapters([chapter for chapter in chapters if chapter is not None])
    return found


_ANY = "application/octet-stream"


def _timed(packets: Iterator[AnyPacket]) -> Iterator[tuple[Fraction, AnyPacket]]:
    for packet in packets:
        yield (packet.dts or 0) * packet.time_base, packet


def _is_text(stream: Stream, output: OutputContainer, container: Container) -> bool:
    """Whether it is a subtitle track that can come along; MP4 takes QuickTime text alone."""
    if stream.type != "subtitle":
        return False
    codec = stream.codec_context.name
    return codec == "mov_text" or (container == "mkv" and codec in output.supported_codecs)


def _left_out(stream: Stream, container: Container) -> str:
    if container == "mkv":
        return f"{_named(stream)} was left out: Matroska cannot hold it as it is"
    hint = "; ask for the container mkv to keep it" if stream.type in ("subtitle", "attachment") else ""
    return f"{_named(stream)} was left out: MP4 cannot hold it as it is{hint}"


def _named(stream: Stream) -> str:
    return f"stream {stream.index} ({stream.type} {stream.language or ''})".replace(" )", ")")


def _sound_track(
    stream: AudioStream,
    output: OutputContainer,
    window: Window,
    heard: Heard,
    warnings: list[str],
    container: Container,
) -> _Track:
    codec = stream.codec_context.codec.canonical_name
    if codec in (COPIED_INTO_MP4 if container == "mp4" else output.supported_codecs):
        return CopiedSound(stream, output, window, heard)
    why = "MP4 players do not play" if container == "mp4" else "Matroska does not hold"
    warnings.append(f"{_named(stream)} was encoded anew as AAC: {why} {codec}")
    return EncodedSound(stream, output, window, heard)


def _shifted(chapter: Any, window: Window) -> Any:
    """A chapter as the result has it; None when it lies outside."""
    base = Fraction(chapter["time_base"])
    first, last = window.heard(chapter["start"] * base, (chapter["end"] - chapter["start"]) * base)
    if last <= first:
        return None
    return {**chapter, "start": round(first / base), "end": round(last / base)}
