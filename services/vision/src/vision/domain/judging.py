"""Which of the things that look overlaid are marks, which belong together, and what kind they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from vision.domain.boxes import Box, area, gap, hull, overlap_of_smaller
from vision.domain.presence import Stretch

__all__ = ["Evidence", "Picture", "Reading", "believed", "grouped", "is_piece", "kind_of", "static_stretches"]

_EDGE = 0.3
"""A mark of a single shot must have its centre in this outer share of the picture."""
_FAIR, _STRONG, _SURE = 0.6, 0.7, 0.85
"""Strength that is asked of a mark: seen in four views or more, in fewer; and from which each stretch is believed."""
_PATTERN_PIECES = 5
_PATTERN_COVER = 0.4
_WHOLE = 0.75
"""A pattern that covers this share of the picture along both sides is taken to cover all of it."""


@dataclass(frozen=True)
class Picture:
    """Size of the frame the evidence was found in, and the number of shots in the film."""

    width: int
    height: int
    shots: int


@dataclass(frozen=True)
class Evidence:
    """Something that looks overlaid."""

    box: Box
    strength: float
    """How far its pixels agree between views, 0..1."""
    views: int
    shots: frozenset[int]
    stretches: tuple[Stretch, ...]
    pieces: tuple[int, ...] = ()
    """Numbers of the found things that this is made of."""
    pattern: bool = field(default=False)

    @property
    def confidence(self) -> float:
        """More views that agree better: 0..1."""
        return round(self.strength * (1 - 0.5**self.views), 3)


@dataclass(frozen=True)
class Reading:
    """Text in a picture of the mark, with its box there."""

    text: str
    box: Box


def believed(evidence: Evidence, picture: Picture) -> Evidence | None:
    """The evidence with those stretches that are believed; None when it is no mark.

    A mark lies still while the film cuts to something else, so one stretch at least must cross a cut. A single shot
    can hold a title or a sign that stays while the rest moves: in a film of one shot we believe only what many views
    show strongly near a corner.
    """
    if not _has_shape_of_mark(evidence.box, picture):
        return None
    if picture.shots == 1:
        return (
            evidence
            if _near_corner(evidence.box, picture) and evidence.views >= 4 and evidence.strength >= 0.7
            else None
        )
    if evidence.strength < (_STRONG if evidence.views < 4 else _FAIR):
        return None
    crossing = tuple(stretch for stretch in evidence.stretches if stretch.shots >= 2)
    if not crossing:
        return None
    return evidence if evidence.strength >= _SURE else replace(evidence, stretches=crossing)


def is_piece(evidence: Evidence) -> bool:
    """Whether this may be one of the many pieces of a pattern: fainter things count there."""
    return evidence.strength >= 0.5 and any(stretch.shots >= 2 for stretch in evidence.stretches)


def _has_shape_of_mark(box: Box, picture: Picture) -> bool:
    """Not a bar, not most of the picture, and not cut off by its edge, as borders and parts of scenes are."""
    x, y, width, height = box
    bar = (height > 0.6 * picture.height and width < 0.12 * picture.width) or (
        width > 0.8 * picture.width and height < 0.12 * picture.height
    )
    cut_off = x <= 1 or y <= 1 or x + width >= picture.width - 1 or y + height >= picture.height - 1
    return not bar and not cut_off and area(box) <= 0.3 * picture.width * picture.height


def _near_corner(box: Box, picture: Picture) -> bool:
    across, down = (box[0] + box[2] / 2) / picture.width, (box[1] + box[3] / 2) / picture.height
    return min(across, 1 - across) < _EDGE and min(down, 1 - down) < _EDGE


def grouped(found: Sequence[Evidence], picture: Picture) -> list[Evidence]:
    """The marks among what was found, joined to what is one: many pieces all over the picture are a pattern,
    neighbours that come and go together a logo with its name.
    """
    pattern = _pattern([evidence for evidence in found if is_piece(evidence)], picture)
    taken = set(pattern.pieces) if pattern else set()
    single = [believed(evidence, picture) for evidence in found if not taken.issuperset(evidence.pieces)]
    rest = [mark for mark in single if mark is not None]
    joined: list[Evidence] = []
    for mark in sorted(rest, key=lambda item: -item.confidence):
        near = next((other for other in joined if _belong(mark, other)), None)
        if near is None:
            joined.append(mark)
        else:
            joined[joined.index(near)] = _union((near, mark))
    return joined if pattern is None else [pattern, *joined]


def _pattern(marks: Sequence[Evidence], picture: Picture) -> Evidence | None:
    """All marks of about the same time, if there are many and they are spread over the picture."""
    for lead in sorted(marks, key=lambda item: -item.confidence):
        group = [mark for mark in marks if _together(lead, mark) > 0.6]
        around = hull([mark.box for mark in group])
        if len(group) >= _PATTERN_PIECES and area(around) >= _PATTERN_COVER * picture.width * picture.height:
            whole = around[2] >= _WHOLE * picture.width and around[3] >= _WHOLE * picture.height
            box = (0, 0, picture.width, picture.height) if whole else around
            return replace(_union(group), box=box, pattern=True)
    return None


def _union(group: Sequence[Evidence]) -> Evidence:
    lead = max(group, key=lambda item: item.confidence)
    return replace(
        lead,
        box=hull([mark.box for mark in group]),
        shots=frozenset().union(*(mark.shots for mark in group)),
        pieces=tuple(number for mark in group for number in mark.pieces),
    )


def _belong(a: Evidence, b: Evidence) -> bool:
    if _together(a, b) < 0.7:
        return False
    if overlap_of_smaller(a.box, b.box) > 0.3:
        return True
    across, down = gap(a.box, b.box)
    lower = min(a.box[3], b.box[3])
    beside, below = down == 0 and across <= lower, across == 0 and down <= lower // 2
    return beside or below


def _together(a: Evidence, b: Evidence) -> float:
    """Share of the time either is there in which both are, 0..1."""
    both = sum(
        max(0.0, min(one.end, other.end) - max(one.start, other.start)) for one in a.stretches for other in b.stretches
    )
    either = sum(stretch.end - stretch.start for mark in (a, b) for stretch in mark.stretches) - both
    return both / either if either > 0 else 0.0


def kind_of(evidence: Evidence, readings: Sequence[Reading]) -> tuple[Literal["logo", "text", "pattern"], str | None]:
    """What a mark is and what it says. Text that fills the mark's box makes it a text; a drawing around it, a logo."""
    text = " ".join(reading.text.strip() for reading in readings) or None
    if evidence.pattern:
        return "pattern", text
    if not readings:
        return "logo", None
    around = hull([reading.box for reading in readings])
    letters = sum(character.isalnum() for character in text or "")
    fills = around[2] >= 0.75 * evidence.box[2] and around[3] >= 0.6 * evidence.box[3]
    return ("text" if fills and letters >= 3 else "logo"), text


def static_stretches(
    views: Sequence[tuple[float, float, int]], *, longest_s: float, found: Sequence[Stretch]
) -> list[tuple[float, float]]:
    """Stretches longer than ``longest_s`` that show one view, in which no mark was found.

    ``views`` are ``(start, end, view)`` in order. A film of one view is inconclusive however short it is.
    """
    merged: list[tuple[float, float, int]] = []
    for start, end, view in views:
        if merged and merged[-1][2] == view:
            merged[-1] = (merged[-1][0], end, view)
        else:
            merged.append((start, end, view))
    alone = len({view for _, _, view in views}) == 1
    return [
        (start, end)
        for start, end, _ in merged
        if (alone or end - start >= longest_s) and not any(s.start < end and s.end > start for s in found)
    ]
