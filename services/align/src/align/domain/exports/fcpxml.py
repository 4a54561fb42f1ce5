"""FCPXML 1.8, which Final Cut Pro X and DaVinci Resolve read: shots as clips, lines as markers on them.

All times are multiples of a frame, written as fractions of a second: ``1001/30000s``.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from fractions import Fraction
from urllib.parse import quote

from align.domain.exports.film import Film, Mark, on_one_row
from align.domain.exports.xml_text import element, written

__all__ = ["fcpxml"]


def fcpxml(film: Film, marks: Sequence[Mark]) -> str:
    """One project in one event. The clips refer to one asset, the film's file, which may lie anywhere."""
    root = element(None, "fcpxml", version="1.8")
    _resources(root, film)
    title = on_one_row(film.title) or "Matchcut"
    library = element(root, "library")
    event = element(library, "event", name=title)
    project = element(event, "project", name=title)
    sequence = element(
        project, "sequence", format="r1", duration=_time(film.frames, film.rate), **_counting(film),
        tcStart=_time(film.clock.start, film.rate),
    )  # fmt: skip
    spine = element(sequence, "spine")
    clips = [_clip(spine, film, number) for number in range(len(film.shots))]
    for mark in marks:
        element(
            clips[mark.shot], "marker",
            start=_time(film.clock.start + mark.first, film.rate), duration=_time(1, film.rate),
            value=mark.label, note=mark.note,
        )  # fmt: skip
    return written(root, doctype="fcpxml")


def _resources(root: ET.Element, film: Film) -> None:
    resources = element(root, "resources")
    source = film.source
    element(
        resources, "format", id="r1", name="FFVideoFormatRateUndefined", frameDuration=_time(1, film.rate),
        width=source.width, height=source.height,
    )  # fmt: skip
    sound = {"hasAudio": "1", "audioSources": "1", "audioChannels": "2"} if source.sound else {}
    element(
        resources, "asset", id="r2", name=on_one_row(film.name), src=f"file:///{quote(film.name, safe='')}",
        start=_time(film.clock.start, film.rate), duration=_time(film.frames, film.rate), hasVideo="1", format="r1",
        **sound,
    )  # fmt: skip


def _clip(spine: ET.Element, film: Film, number: int) -> ET.Element:
    """A shot. Its own time is the asset's, and the sequence begins at the same timecode: start and offset agree."""
    shot = film.shots[number]
    start = _time(film.clock.start + shot.start_frame, film.rate)
    return element(
        spine, "asset-clip", name=f"Scene {shot.index + 1}", ref="r2", offset=start, start=start,
        duration=_time(shot.end_frame - shot.start_frame, film.rate), format="r1", **_counting(film),
    )  # fmt: skip


def _counting(film: Film) -> dict[str, str]:
    return {"tcFormat": "DF" if film.clock.drop else "NDF"}


def _time(frames: int, rate: Fraction) -> str:
    """Frames as seconds. The denominator is the rate's own, as programs compare these as text."""
    return "0s" if not frames else f"{frames * rate.denominator}/{rate.numerator}s"
