"""What a file is by its first bytes. Names and declared types are never believed.

Only demuxers that read the one file they are given are ever named here. Playlists, concatenation scripts and session
descriptions make a demuxer open whatever they list, on this machine or in its network, so they are refused by name.
"""

import re
from dataclasses import dataclass

from contracts.ingest import RejectionReason
from ingest.domain.refusal import Refused

__all__ = ["HEAD_BYTES", "Content", "recognise"]

HEAD_BYTES = 65_536
"""How many bytes from the start of the file ``recognise`` wants to see."""


@dataclass(frozen=True, slots=True)
class Content:
    """A container we open, and the only demuxer that may open it."""

    demuxer: str
    """FFmpeg's name, to be forced: nothing is left to its own guessing."""
    name: str
    """What people call it."""


QUICKTIME = Content("mov", "MP4 or QuickTime")
MATROSKA = Content("matroska", "Matroska or WebM")
STREAM = Content("mpegts", "MPEG transport stream")

_BY_START = (
    (b"\x1aE\xdf\xa3", MATROSKA),
    (b"FLV\x01", Content("flv", "Flash video")),
    (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel", Content("asf", "Windows Media")),
    (b"\x00\x00\x01\xba", Content("mpeg", "MPEG program stream")),
    (b"OggS", Content("ogg", "Ogg")),
    (b"GIF87a", Content("gif", "animated GIF")),
    (b"GIF89a", Content("gif", "animated GIF")),
    (b"\x06\x0e+4\x02\x05\x01\x01\r\x01\x02", Content("mxf", "MXF")),
)
_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp"}
_STILL_BRANDS = {b"heic", b"heix", b"avif", b"mif1"}

_STILLS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"8BPS", "Photoshop"),
)
_SOUNDS = (
    (b"ID3", "MP3"),
    (b"fLaC", "FLAC"),
    (b"FORM", "AIFF"),
    (b"caff", "Core Audio"),
    (b"#!AMR", "AMR"),
    (b".snd", "Sun audio"),
)
_SCRIPTS = (
    (re.compile(rb"#EXTM3U|#EXTINF|#EXT-X-"), "an HLS playlist"),
    (re.compile(rb"^\s*ffconcat\b", re.MULTILINE), "an FFmpeg concatenation script"),
    (re.compile(rb"<MPD\b"), "a DASH manifest"),
    (re.compile(rb"<SmoothStreamingMedia\b"), "a Smooth Streaming manifest"),
    (re.compile(rb"<(asx|smil)\b", re.IGNORECASE), "a playlist"),
    (re.compile(rb"^\[playlist\]|^\[Reference\]", re.IGNORECASE | re.MULTILINE), "a playlist"),
    (re.compile(rb"\Av=0\r?\no="), "a session description (SDP)"),
    (re.compile(rb"\A(https?|rtsp|rtmp|ftp)://"), "a link"),
    (re.compile(rb"\AIMF|<CompositionPlaylist\b"), "an IMF playlist"),
)


def recognise(head: bytes) -> Content:
    """The container these first bytes begin; ``Refused`` when it is none that we open."""
    for start, content in _BY_START:
        if head.startswith(start):
            return content
    if head[4:8] in _BOXES:
        if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS:
            raise _a_still("HEIF or AVIF")
        return QUICKTIME
    if head.startswith(b"RIFF"):
        return _riff(head)
    if _is_transport_stream(head):
        return STREAM
    raise _why_not(head)


def _riff(head: bytes) -> Content:
    match head[8:12]:
        case b"AVI ":
            return Content("avi", "AVI")
        case b"WAVE":
            raise _only_sound("WAV")
        case b"WEBP":
            raise _a_still("WebP")
        case _:
            raise _not_media()


def _is_transport_stream(head: bytes) -> bool:
    """Four packets or more in a row that begin with 0x47: of 188 bytes, or 192 (discs) or 204 (receivers)."""
    for length, offset in ((188, 0), (192, 4), (204, 0)):
        starts = head[offset::length][:64]
        if len(starts) >= 4 and set(starts) == {0x47}:
            return True
    return False


def _why_not(head: bytes) -> Refused:
    beginning = head.removeprefix(b"\xef\xbb\xbf")[:8192]
    for pattern, what in _SCRIPTS:
        if pattern.search(beginning):
            return Refused(
                RejectionReason.FORBIDDEN_FORMAT,
                f"This is {what}: it names other files and holds no film itself, and nothing it names was opened. "
                "Upload the video file.",
            )
    for start, name in _STILLS:
        if head.startswith(start):
            return _a_still(name)
    for start, name in _SOUNDS:
        if head.startswith(start):
            return _only_sound(name)
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return _only_sound("MPEG audio")
    return _not_media()


def _a_still(name: str) -> Refused:
    return Refused(RejectionReason.NOT_MEDIA, f"This is a still picture ({name}), not a video. Upload the video file.")


def _only_sound(name: str) -> Refused:
    return Refused(RejectionReason.NO_VIDEO, f"This is a sound file ({name}) without a picture. Upload the video file.")


def _not_media() -> Refused:
    return Refused(
        RejectionReason.NOT_MEDIA,
        "The content is not a video in any format that is taken in (MP4, QuickTime, Matroska, WebM, AVI, MPEG, "
        "Windows Media, Flash, Ogg, MXF, GIF), whatever its name says. Check the file, and export it as MP4.",
    )
