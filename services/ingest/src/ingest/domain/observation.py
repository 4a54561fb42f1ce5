"""What probing and decoding saw of a file, and what that makes it: ``media.json``, its warnings, its refusals."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from contracts.documents import AudioTrack, Color, Media
from contracts.ingest import RejectionReason
from ingest.domain.refusal import Refused
from ingest.domain.shape import Size, clockwise, displayed
from ingest.domain.timing import Timing, time_frames
from ingest.domain.tracks import SoundTrack

__all__ = ["Film", "Picture", "Sound", "describe", "is_hurt", "judge"]

_TIMECODE = re.compile(r"(\d\d:\d\d:\d\d)([:;.,])(\d\d)")
EARLY_END_S = 1.0
"""A file that ends this much before its header says, and by a twentieth of its length, has lost its end."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The video stream, decoded once from end to end."""

    index: int
    """Of the stream in the container."""
    codec: str
    sizes: tuple[Size, ...]
    """Every coded size that occurred, in order of appearance."""
    sar: Fraction
    turn: int
    """Degrees counter-clockwise in the display matrix."""
    colour: Color
    time_base: Fraction
    pts: Sequence[int]
    last_ticks: int
    header_rates: tuple[Fraction, ...]
    interlaced_frames: int
    damaged: int
    """Packets that could not be decoded and frames that came out damaged."""
    damaged_at: Fraction | None
    """Timestamp of the first damage, in seconds of the container."""
    key_gap: int
    """Most frames from one key frame to the next."""
    streams: int = 1
    """How many moving pictures the file holds."""
    timecode: str | None = None
    """What the file says of the first frame's, as it says it."""


@dataclass(frozen=True, slots=True)
class Sound:
    """The chosen sound track, decoded once from end to end."""

    track: SoundTrack
    start: Fraction
    """Seconds from the first video frame to the first sample; negative when the sound begins before."""
    end: Fraction
    """Seconds from the first video frame to the end of the last sample."""
    damaged: int


@dataclass(frozen=True, slots=True)
class Film:
    """A whole file, as seen."""

    container: str
    promised: Fraction | None
    """Seconds by the file's header."""
    picture: Picture
    tracks: tuple[SoundTrack, ...]
    starts: dict[int, Fraction]
    """First packet of each sound track, in seconds of the container."""
    sound: Sound | None


def is_hurt(film: Film) -> bool:
    """Whether the picture is damaged or cut off, so that it is worth decoding with more care."""
    picture = film.picture
    seen = (max(picture.pts) - min(picture.pts)) * picture.time_base
    return picture.damaged > 0 or _lost(film, seen) is not None


def judge(film: Film) -> Timing:
    """The timing of a film that is fit to be worked on; ``Refused`` for one that decodes but cannot be."""
    picture = film.picture
    if len(picture.sizes) > 1:
        first, second = picture.sizes[:2]
        raise Refused(
            RejectionReason.UNSUPPORTED,
            f"The picture changes its size on the way, from {first.width} x {first.height} to {second.width} x "
            f"{second.height}: these are several recordings joined raw. Upload them one by one, or export them as one.",
        )
    fall = max((earlier - later for earlier, later in pairwise(picture.pts)), default=0)
    if fall * picture.time_base > 1:
        raise Refused(
            RejectionReason.UNSUPPORTED,
            "The clock of the film is set back on the way: these are several recordings joined raw. "
            "Upload them one by one, or export them as one.",
        )
    return time_frames(
        picture.pts,
        time_base=picture.time_base,
        last_ticks=picture.last_ticks,
        header_rates=picture.header_rates,
    )


def describe(film: Film, timing: Timing, *, sha256: str, size_bytes: int) -> Media:
    """``media.json`` of a film."""
    picture = film.picture
    coded = picture.sizes[0]
    rotation = clockwise(picture.turn)
    shown = displayed(coded, sar=picture.sar, rotation=rotation)
    return Media(
        sha256=sha256,
        size_bytes=size_bytes,
        container=film.container,
        duration=float(timing.duration),
        width=shown.width,
        height=shown.height,
        coded_width=coded.width,
        coded_height=coded.height,
        frame_rate=f"{timing.rate.numerator}/{timing.rate.denominator}",
        frames=timing.frames,
        video_codec=picture.codec,
        audio=tuple(_audio(film, timing, track) for track in film.tracks),
        rotation=rotation,
        sar=f"{picture.sar.numerator}:{picture.sar.denominator}",
        color=picture.colour,
        variable_frame_rate=timing.variable,
        interlaced=2 * picture.interlaced_frames > timing.frames,
        timecode=_timecode(picture.timecode),
        start=float(timing.start),
        warnings=tuple(_warnings(film, timing)),
    )


def _timecode(said: str | None) -> str | None:
    """A timecode as SMPTE writes it, however the file has it; None for what is none."""
    found = _TIMECODE.fullmatch((said or "").strip())
    return f"{found[1]}{':' if found[2] == ':' else ';'}{found[3]}" if found else None


def _audio(film: Film, timing: Timing, track: SoundTrack) -> AudioTrack:
    chosen = film.sound if film.sound and film.sound.track.index == track.index else None
    start = chosen.start if chosen else film.starts.get(track.index, timing.start) - timing.start
    return AudioTrack(
        index=track.index,
        codec=track.codec,
        sample_rate=track.sample_rate,
        channels=track.channels,
        language=track.language,
        default=chosen is not None,
        start=float(start),
    )


def _warnings(film: Film, timing: Timing) -> Iterator[str]:
    yield from _damage(film, timing)
    picture, sound = film.picture, film.sound
    if picture.turn % 90:
        yield f"The display matrix turns the picture by {picture.turn} degrees; the nearest quarter turn is used."
    if timing.disorder:
        yield f"Frames that carry a time not after that of the frame before: {timing.disorder}."
    if timing.gaps and not picture.damaged:
        yield f"Frames are missing in an otherwise even film; holes in time: {timing.gaps}."
    if picture.streams > 1:
        yield f"The file holds {picture.streams} pictures; the first is used."
    if film.tracks and sound is None:
        codecs = ", ".join(sorted({track.codec for track in film.tracks}))
        yield f"There is a sound track, but no sound could be decoded from it ({codecs}); the film is taken as silent."
    if sound and sound.end > timing.duration + 1:
        yield f"The sound goes on for {float(sound.end - timing.duration):.1f} s after the last frame."


def _damage(film: Film, timing: Timing) -> Iterator[str]:
    picture, sound = film.picture, film.sound
    if picture.damaged:
        at = f", first near {_clock(picture.damaged_at - timing.start)}" if picture.damaged_at is not None else ""
        yield (
            f"The picture is damaged{at}: frames are missing or faulty (faults found: {picture.damaged}). "
            "If another copy exists, upload that."
        )
    if sound and sound.damaged:
        yield f"The sound is damaged (faults found: {sound.damaged}); silence stands in for what could not be decoded."
    if film.promised is not None and (end := _lost(film, timing.duration)) is not None:
        yield (
            f"The header promises {float(film.promised):.1f} s, but {float(end):.1f} s could be decoded: "
            "the file is cut off, or its header is wrong."
        )


def _lost(film: Film, seen: Fraction) -> Fraction | None:
    """Seconds at which the film ends, if that is well before its header says."""
    end = max(seen, film.sound.end if film.sound else Fraction(0))
    lost = film.promised - end if film.promised is not None else Fraction(0)
    return end if lost > EARLY_END_S and lost > (film.promised or 0) / 20 else None


def _clock(seconds: Fraction) -> str:
    return f"{max(0.0, float(seconds)):.1f} s"
