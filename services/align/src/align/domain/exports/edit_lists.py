"""Edit decision lists (CMX 3600): the film's shots with a locator on each line, and markers for DaVinci Resolve."""

from collections import defaultdict
from collections.abc import Sequence

from align.domain.exports.film import Film, Mark, on_one_row
from contracts.documents import LineStatus

__all__ = ["edl", "resolve_edl"]

_LOCATORS = {
    LineStatus.SPOKEN: "GREEN",
    LineStatus.PARAPHRASED: "YELLOW",
    LineStatus.PARTIAL: "RED",
    LineStatus.REPEATED: "CYAN",
    LineStatus.MOVED: "MAGENTA",
}
"""The eight colours of Avid's locators, of which there is no orange."""
_RESOLVE = {
    LineStatus.SPOKEN: "Green",
    LineStatus.PARAPHRASED: "Yellow",
    LineStatus.PARTIAL: "Red",
    LineStatus.REPEATED: "Cyan",
    LineStatus.MOVED: "Purple",
}
_REEL = "AX"
"""What stands for a file, which has no reel, since there are files."""


def edl(film: Film, marks: Sequence[Mark]) -> str:
    """One event for each shot, source and record alike, and a locator (``* LOC``) where a line begins."""
    inside: defaultdict[int, list[Mark]] = defaultdict(list)
    for mark in marks:
        inside[mark.shot].append(mark)
    rows = _head(film)
    for at, shot in enumerate(film.shots):
        rows.append(_event(film, at + 1, shot.start_frame, shot.end_frame))
        rows.append(f"* FROM CLIP NAME: {on_one_row(film.name)}")
        rows += [
            f"* LOC: {film.clock.timecode(mark.first)} {_LOCATORS.get(mark.status, 'WHITE'):<7} {mark.label}"
            for mark in inside[at]
        ]
    return "\r\n".join([*rows, ""])


def resolve_edl(film: Film, marks: Sequence[Mark]) -> str:
    """Timeline markers as DaVinci Resolve writes and reads them: each is an event of one frame with its length."""
    rows = _head(film)
    for number, mark in enumerate(marks, 1):
        rows.append(_event(film, number, mark.first, mark.first + 1))
        note, name = (text.replace("|", "/") for text in (mark.note, mark.label))
        color = _RESOLVE.get(mark.status, "Blue")
        rows.append(f"{note} |C:ResolveColor{color} |M:{name} |D:{mark.end - mark.first}")
        rows.append("")
    return "\r\n".join([*rows, ""])


def _head(film: Film) -> list[str]:
    count = "DROP FRAME" if film.clock.drop else "NON-DROP FRAME"
    return [f"TITLE: {on_one_row(film.title)[:70] or 'Matchcut'}", f"FCM: {count}", ""]


def _event(film: Film, number: int, first: int, end: int) -> str:
    begins, ends = film.clock.timecode(first), film.clock.timecode(end)
    return f"{number:03d}  {_REEL:<8} V     C        {begins} {ends} {begins} {ends}"
