"""Final Cut Pro 7 XML (xmeml 5), which Premiere Pro and DaVinci Resolve read: shots as clips, lines as markers."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from fractions import Fraction

from align.domain.exports.film import Film, Mark, on_one_row
from align.domain.exports.xml_text import element, written
from contracts.documents import Scene

__all__ = ["fcp7"]


def fcp7(film: Film, marks: Sequence[Mark]) -> str:
    """A sequence of the film's shots. The first clip describes the file, the others refer to it."""
    root = element(None, "xmeml", version="5")
    sequence = element(root, "sequence", id="sequence-1")
    element(sequence, "name", on_one_row(film.title) or "Matchcut")
    element(sequence, "duration", film.frames)
    _rate(sequence, film.rate)
    _timecode(sequence, film)
    media = element(sequence, "media")
    video = element(media, "video")
    _characteristics(element(video, "format"), film)
    track = element(video, "track")
    for at, shot in enumerate(film.shots):
        _clip(track, film, at, shot)
    if film.source.sound:
        _sound(media, film)
    for mark in marks:
        _marker(sequence, mark)
    return written(root, doctype="xmeml")


def _clip(track: ET.Element, film: Film, at: int, shot: Scene) -> None:
    clip = element(track, "clipitem", id=f"clip-{at + 1}")
    element(clip, "name", f"Scene {shot.index + 1}")
    element(clip, "duration", film.frames)
    _rate(clip, film.rate)
    for name, frame in (
        ("start", shot.start_frame), ("end", shot.end_frame), ("in", shot.start_frame), ("out", shot.end_frame),
    ):  # fmt: skip
        element(clip, name, frame)
    _file(clip, film, whole=at == 0)


def _sound(media: ET.Element, film: Film) -> None:
    """One clip of the whole film's sound."""
    track = element(element(media, "audio"), "track")
    clip = element(track, "clipitem", id="sound-1")
    element(clip, "name", on_one_row(film.name))
    element(clip, "duration", film.frames)
    _rate(clip, film.rate)
    for name, frame in (("start", 0), ("end", film.frames), ("in", 0), ("out", film.frames)):
        element(clip, name, frame)
    _file(clip, film, whole=False)
    source = element(clip, "sourcetrack")
    element(source, "mediatype", "audio")
    element(source, "trackindex", 1)


def _file(clip: ET.Element, film: Film, *, whole: bool) -> None:
    file = element(clip, "file", id="file-1")
    if not whole:
        return
    element(file, "name", on_one_row(film.name))
    _rate(file, film.rate)
    element(file, "duration", film.frames)
    _timecode(file, film)
    media = element(file, "media")
    _characteristics(element(media, "video"), film)
    if film.source.sound:
        element(element(media, "audio"), "channelcount", 2)


def _characteristics(parent: ET.Element, film: Film) -> None:
    sample = element(parent, "samplecharacteristics")
    _rate(sample, film.rate)
    element(sample, "width", film.source.width)
    element(sample, "height", film.source.height)


def _timecode(parent: ET.Element, film: Film) -> None:
    timecode = element(parent, "timecode")
    _rate(timecode, film.rate)
    element(timecode, "string", film.clock.timecode(0))
    element(timecode, "frame", film.clock.start)
    element(timecode, "displayformat", "DF" if film.clock.drop else "NDF")


def _rate(parent: ET.Element, rate: Fraction) -> None:
    """Whole frames per second, and whether they run a thousandth slower. Other fractions cannot be said here."""
    node = element(parent, "rate")
    element(node, "timebase", max(1, round(rate)))
    element(node, "ntsc", "TRUE" if rate.denominator == 1001 else "FALSE")


def _marker(parent: ET.Element, mark: Mark) -> None:
    """In frames of the sequence, which are those of the film."""
    node = element(parent, "marker")
    element(node, "name", mark.label)
    element(node, "comment", mark.note)
    element(node, "in", mark.first)
    element(node, "out", mark.end)
