"""A file, opened by PyAV with one demuxer, one protocol and known decoders. Runs in the child process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from contracts.ingest import RejectionReason
from ingest.adapters.confinement import threads
from ingest.domain.codecs import SOUND, VIDEO, check_video
from ingest.domain.content import HEAD_BYTES, QUICKTIME, Content, recognise
from ingest.domain.refusal import Limits, Refused
from ingest.domain.tracks import SoundTrack, choose_track

__all__ = ["Reel", "open_reel", "sniff"]

_MOST_READ_ERRORS = 100


def sniff(path: Path) -> Content:
    """What the file is by its content; ``Refused`` if it is nothing we open."""
    with path.open("rb") as file:
        return recognise(file.read(HEAD_BYTES))


@dataclass
class Reel:
    """An open file with its picture, and the sound to go with it."""

    container: InputContainer
    content: Content
    picture: VideoStream
    pictures: int
    tracks: tuple[SoundTrack, ...]
    sounds: tuple[AudioStream, ...]
    sound: AudioStream | None
    track: SoundTrack | None
    read_errors: int = field(default=0)

    @property
    def promised(self) -> Fraction | None:
        """Seconds by the header."""
        duration = self.container.duration
        return Fraction(duration, av.time_base) if duration is not None and duration > 0 else None

    def packets(self, *streams: VideoStream | AudioStream) -> Iterator["Packet[Any]"]:
        """Packets of these streams in file order; damage between them is skipped, and counted in ``read_errors``."""
        for stream in self.container.streams:
            if stream not in streams:
                stream.discard = Discard.all
        while self.read_errors < _MOST_READ_ERRORS:
            try:
                yield from self.container.demux(streams)
            except MemoryError:
                raise
            except av.FFmpegError:
                self.read_errors += 1
            else:
                return


@contextmanager
def open_reel(path: Path, content: Content, limits: Limits, *, threaded: bool = True) -> Iterator[Reel]:
    """Open the file; ``Refused`` when there is no picture in it that may be decoded."""
    try:
        container = av.open(
            f"file:{path}", format=content.demuxer, options=_options(content, limits), metadata_errors="replace"
        )
    except MemoryError:
        raise
    except av.FFmpegError as error:
        raise _unopened(path, content, error) from error
    with container:
        picture, count = _moving_picture(container, content)
        check_video(_codec(picture))
        sounds = tuple(stream for stream in container.streams.audio if stream.codec_context is not None)
        tracks = tuple(_track(stream) for stream in sounds)
        track = choose_track(tracks)
        sound = next((stream for stream in sounds if track and stream.index == track.index), None)
        for stream in (picture, sound):
            if stream is not None:
                stream.codec_context.options = {"max_pixels": str(limits.max_pixels), "codec_whitelist": _decoders()}
                stream.codec_context.thread_type = "AUTO" if threaded else "NONE"
                stream.codec_context.thread_count = threads() if threaded else 1
        yield Reel(container, content, picture, count, tracks, sounds, sound, track)


def _options(content: Content, limits: Limits) -> dict[str, str]:
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": content.demuxer,
        "codec_whitelist": _decoders(),
        # Keeps the probing inside av.open from decoding a picture that is larger than allowed.
        "max_pixels": str(limits.max_pixels),
    }
    if content == QUICKTIME:
        # A QuickTime file may say that its media lie in another file. Off by default, and to stay off.
        options |= {"enable_drefs": "0", "use_absolute_path": "0"}
        options["format_whitelist"] = "mov,mp4,m4a,3gp,3g2,mj2"
    if content.demuxer == "matroska":
        options["format_whitelist"] = "matroska,webm"
    return options


@cache
def _decoders() -> str:
    """Names of all decoders for the codecs we let in, as FFmpeg's whitelist wants them."""
    allowed = VIDEO | SOUND
    names = []
    for name in sorted(av.codecs_available):
        try:
            codec = av.Codec(name, "r")
        except av.codec.codec.UnknownCodecError:
            continue  # it only encodes
        if codec.canonical_name in allowed:
            names.append(codec.name)
    return ",".join(names)


def _moving_picture(container: InputContainer, content: Content) -> tuple[VideoStream, int]:
    never = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    moving = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & never
    ]
    if moving:
        return min(moving, key=lambda s: (not s.disposition & Disposition.default, s.index)), len(moving)
    if container.streams.video and any(stream.disposition & never for stream in container.streams.video):
        what = "only sound and a cover picture"
    elif container.streams.audio:
        what = "only sound"
    else:
        what = "neither picture nor sound that can be read"
    raise Refused(RejectionReason.NO_VIDEO, f"This {content.name} file holds {what}. Upload the video file.")


def _track(stream: AudioStream) -> SoundTrack:
    marks = stream.disposition
    secondary = (
        Disposition.comment | Disposition.hearing_impaired | Disposition.visual_impaired | Disposition.descriptions
    )
    language = stream.language
    return SoundTrack(
        index=stream.index,
        codec=_codec(stream),
        sample_rate=stream.codec_context.sample_rate,
        channels=stream.codec_context.channels,
        language=None if language in (None, "", "und") else language,
        default=bool(marks & Disposition.default),
        secondary=bool(marks & secondary),
    )


def _codec(stream: VideoStream | AudioStream) -> str:
    return stream.codec_context.codec.canonical_name


def _unopened(path: Path, content: Content, error: av.FFmpegError) -> Refused:
    if content == QUICKTIME and b"moov" not in _boxes(path):
        return Refused(
            RejectionReason.TRUNCATED,
            "The file has no index (no moov box): the recording or the upload stopped before the end. "
            "Upload it again, or repair it with the device that recorded it.",
        )
    return Refused(
        RejectionReason.UNDECODABLE,
        f"It begins like {content.name}, but its structure cannot be read ({error.strerror}). "
        "Upload it again, or export it anew.",
    )


def _boxes(path: Path) -> set[bytes]:
    """Kinds of the outermost boxes of an MP4 or QuickTime file, as far as their sizes lead."""
    kinds: set[bytes] = set()
    with path.open("rb") as file:
        end, at = path.stat().st_size, 0
        while at + 8 <= end and len(kinds) < 1000:
            file.seek(at)
            header = file.read(16)
            size = int.from_bytes(header[:4])
            kinds.add(header[4:8])
            if size == 1:
                size = int.from_bytes(header[8:16])
            if size < 8:
                break
            at += size
    return kinds
