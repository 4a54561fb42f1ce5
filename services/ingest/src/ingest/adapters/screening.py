"""Watching a film once: every frame decoded, counted and timed; sound laid down; pictures taken. Runs in the child."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.video.frame import VideoFrame

from contracts.documents import Color
from contracts.ingest import RejectionReason
from ingest.adapters.camera import Camera
from ingest.adapters.confinement import is_cramped
from ingest.adapters.reel import Reel, open_reel
from ingest.adapters.sound_tape import SoundTape, sound_tape
from ingest.domain.colour import name_colour
from ingest.domain.content import Content
from ingest.domain.observation import Film, Picture, Sound
from ingest.domain.refusal import Limits, Refused
from ingest.domain.shape import Size
from ingest.domain.tracks import SoundTrack

__all__ = ["Survey", "screen", "survey"]

Report = Callable[[float, str], None]


@dataclass
class Survey:
    """What the packets say, before anything is decoded."""

    pictures: int = 0
    first: Fraction | None = None
    last: Fraction = Fraction(0)
    starts: dict[int, Fraction] = field(default_factory=dict)

    @property
    def duration(self) -> Fraction:
        """Seconds from the first picture to the end of the last."""
        return self.last - self.first if self.first is not None else Fraction(0)


def survey(path: Path, content: Content, limits: Limits) -> Survey:
    """Read all packets without decoding: how many pictures there are, and for how long they last."""
    seen = Survey()
    with open_reel(path, content, limits) as reel:
        for packet in reel.packets(reel.picture, *reel.sounds):
            time = packet.pts if packet.pts is not None else packet.dts
            if packet.size == 0 or time is None or packet.time_base is None:
                seen.pictures += packet.size > 0 and packet.stream is reel.picture
                continue
            start = time * packet.time_base
            if packet.stream_index != reel.picture.index:
                seen.starts.setdefault(packet.stream_index, start)
                continue
            seen.pictures += 1
            seen.first = start if seen.first is None else min(seen.first, start)
            seen.last = max(seen.last, start + max(packet.duration or 0, 0) * packet.time_base)
            limits.check_duration(float(seen.duration))
    return seen


@dataclass
class _Tally:
    """What adds up over the frames of the picture."""

    time_base: Fraction
    pts: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: list[Size] = field(default_factory=list)
    colour: Color | None = None
    turn: int = 0
    last_ticks: int = 0
    interlaced: int = 0
    damaged: int = 0
    damaged_at: Fraction | None = None
    key_gap: int = 0
    since_key: int = 0

    def add(self, frame: VideoFrame) -> Fraction:
        """Count a frame; returns its time in seconds of the container's clock."""
        ticks = self._ticks(frame)
        size = Size(frame.width, frame.height)
        if size not in self.sizes:
            self.sizes.append(size)
        if self.colour is None:
            self.colour, self.turn = _colour_of(frame), frame.rotation
        self.since_key = 1 if frame.key_frame else self.since_key + 1
        self.key_gap = max(self.key_gap, self.since_key)
        self.interlaced += frame.interlaced_frame
        self.last_ticks = frame.duration or 0
        self.pts.append(ticks)
        at = ticks * self.time_base
        if frame.is_corrupt:
            self.hurt(at)
        return at

    def hurt(self, at: Fraction | None) -> None:
        """Note a damaged packet or frame."""
        self.damaged += 1
        self.damaged_at = at if self.damaged_at is None else self.damaged_at

    def _ticks(self, frame: VideoFrame) -> int:
        ticks = frame.pts if frame.pts is not None else frame.dts
        if ticks is not None:
            return round(ticks * frame.time_base / self.time_base) if frame.time_base else ticks
        if len(self.pts) < 2:
            return self.pts[-1] + 1 if self.pts else 0
        return 2 * self.pts[-1] - self.pts[-2]


def screen(
    path: Path, content: Content, limits: Limits, *, found: Survey, audio: Path, poster: Path, thumbnails: Path,
    longest: int, threaded: bool, report: Report,
) -> Film:  # fmt: skip
    """Decode the whole file once. Writes the sound and the pictures; says everything that was seen.

    ``threaded`` decoding is faster; where a film is damaged it may lose whole frames that decoding one after the other
    does not. ``audio`` is a valid but empty file when there is no sound. Raises Refused if no frame can be decoded.
    """
    with open_reel(path, content, limits, threaded=threaded) as reel, sound_tape(audio) as tape:
        sar = reel.picture.sample_aspect_ratio or Fraction(1)
        camera = Camera(duration=found.duration, sar=sar if sar > 0 else Fraction(1), poster_longest=longest)
        tally = _Tally(reel.picture.time_base or Fraction(1, 90_000))
        sound_damaged = _watch(reel, tally, tape, camera, limits, found, report)
        if not tally.pts:
            raise _nothing_seen(path, reel, limits)
        camera.develop(poster, thumbnails)
        tape.end()
        origin = tally.pts[0] * tally.time_base
        return Film(
            container=content.demuxer,
            promised=reel.promised,
            picture=_picture(reel, tally, sar if sar > 0 else Fraction(1)),
            tracks=reel.tracks,
            starts=found.starts,
            sound=_sound(reel.track, tape, origin, sound_damaged),
        )


def _watch(
    reel: Reel, tally: _Tally, tape: SoundTape, camera: Camera, limits: Limits, found: Survey, report: Report
) -> int:
    """Decode every packet; returns how many packets of sound were damaged."""
    sound_damaged, seen = 0, 0
    for packet in reel.packets(reel.picture, *([reel.sound] if reel.sound else [])):
        is_picture = packet.stream_index == reel.picture.index
        frames, whole = _decoded(packet)
        if not whole and is_picture:
            tally.hurt(packet.pts * packet.time_base if packet.pts is not None and packet.time_base else None)
        sound_damaged += not whole and not is_picture
        for frame in frames:
            if isinstance(frame, AudioFrame):
                tape.add(frame)
            elif isinstance(frame, VideoFrame):
                _show(frame, tally, tape, camera, limits)
        if len(tally.sizes) > 1:
            break  # raw joined recordings: refused by the rules, and no need to see the rest
        if is_picture:
            seen += 1
            report(min(1.0, seen / max(found.pictures, 1)), f"{len(tally.pts)} frames read")
    tally.damaged += reel.read_errors
    return sound_damaged


def _show(frame: VideoFrame, tally: _Tally, tape: SoundTape, camera: Camera, limits: Limits) -> None:
    limits.check_picture(frame.width, frame.height)
    at = tally.add(frame)
    if len(tally.pts) == 1:
        tape.begin(at)
    camera.see(frame, at - tally.pts[0] * tally.time_base)


def _decoded(packet: "Packet[Any]") -> tuple[list[object], bool]:
    """Frames of a packet, and whether it could be decoded."""
    try:
        return list(packet.decode()), True
    except MemoryError:
        raise
    except av.FFmpegError:
        return [], False


def _picture(reel: Reel, tally: _Tally, sar: Fraction) -> Picture:
    stream = reel.picture
    assert tally.colour is not None
    return Picture(
        index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        sizes=tuple(tally.sizes),
        sar=sar,
        turn=tally.turn,
        colour=tally.colour,
        time_base=tally.time_base,
        pts=tally.pts,
        last_ticks=tally.last_ticks,
        header_rates=tuple(rate for rate in (stream.average_rate, stream.base_rate, stream.guessed_rate) if rate),
        interlaced_frames=tally.interlaced,
        damaged=tally.damaged,
        damaged_at=tally.damaged_at,
        key_gap=tally.key_gap,
        streams=reel.pictures,
        timecode=stream.metadata.get("timecode") or reel.container.metadata.get("timecode"),
    )


def _sound(track: SoundTrack | None, tape: SoundTape, origin: Fraction, damaged: int) -> Sound | None:
    if track is None or tape.seconds == 0 or tape.first is None:
        return None
    return Sound(track=track, start=tape.first - origin, end=tape.seconds, damaged=damaged)


def _colour_of(frame: VideoFrame) -> Color:
    return name_colour(
        pixel_format=frame.format.name,
        bit_depth=frame.format.components[0].bits,
        colour_range=int(frame.color_range),
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        matrix=int(frame.colorspace),
    )


def _nothing_seen(path: Path, reel: Reel, limits: Limits) -> Refused:
    """Why no frame came out; MemoryError if it may be for lack of memory.

    A picture over the limit is refused by the decoder itself, before it takes any memory.
    """
    with av.open(
        f"file:{path}",
        format=reel.content.demuxer,
        options={"protocol_whitelist": "file", "codec_whitelist": "none"},
    ) as headers:
        stream = headers.streams.video[0] if headers.streams.video else None
        if stream is not None and stream.codec_context is not None:
            limits.check_picture(stream.codec_context.width, stream.codec_context.height)
    if is_cramped(0):
        raise MemoryError
    codec = reel.picture.codec_context.codec.canonical_name
    return Refused(
        RejectionReason.UNDECODABLE,
        f"Not one frame of its picture ({codec}) could be decoded. Upload it again, or export it anew.",
    )
