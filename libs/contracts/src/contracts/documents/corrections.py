"""What people say of a ledger, and the ledger with it: one rule for whoever shows it and whoever exports it.

A correction is kept by the line's words and speaker, not by its number, so that it finds its line again in the ledger
of a later run. One that does not is a conflict, and is told, never dropped.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

from pydantic import Field

from contracts.documents._document import Document, Seconds
from contracts.documents.ledger import AdLib, Ledger, LedgerLine, LineStatus, Take, TakeWord
from contracts.documents.scenes import Scene

__all__ = ["Conflict", "Corrected", "Correction", "Span", "ad_lib_key", "corrected", "line_keys"]

_SAME_SHARE = 0.5
"""Share of the time either covers that both must, to be the same take or ad-lib in another run."""
_TOUCH_S = 0.04
"""Seconds: a word that ends a frame into the next scene does not play there."""


class Span(Document):
    """From when to when."""

    start: Seconds
    end: Seconds


class Correction(Document):
    """What a person said of a line, or of what was taken for an ad-lib. What is absent is as the machine has it."""

    key: str
    """Names the line or the ad-lib in every run: see ``line_keys`` and ``ad_lib_key``."""
    line_id: str = ""
    """What the ledger called it when it was corrected; empty for an ad-lib."""
    text: str = ""
    """Its words, for people."""
    status: LineStatus | None = None
    take: Span | None = None
    """The take to use, by the times the machine gave it."""
    times: Span | None = None
    """When that take is spoken; of a line without takes, when it is spoken."""
    ad_lib: bool | None = None
    """Of a line: that its take is an ad-lib. Of an ad-lib: false if it is none."""
    heard: Span | None = None
    """Of an ad-lib: when the machine heard it."""
    confirmed: bool = False
    """A person looked, and it is right."""
    note: str | None = Field(default=None, max_length=500)
    by: UUID | None = None
    at: datetime | None = None

    @property
    def changes(self) -> bool:
        """Whether it makes the ledger another."""
        return any(said is not None for said in (self.status, self.take, self.times, self.ad_lib))

    @property
    def empty(self) -> bool:
        """Whether it says nothing: then it takes back what was said before."""
        return not (self.changes or self.confirmed or self.note)


class Conflict(Document):
    """A correction, or a part of one, that finds no place in this ledger."""

    reason: Literal["line_gone", "take_gone", "ad_lib_gone"]
    correction: Correction


@dataclass(frozen=True)
class Corrected:
    """A ledger with what people said of it, and what of that could not be kept."""

    ledger: Ledger
    conflicts: tuple[Conflict, ...]


def line_keys(ledger: Ledger) -> dict[str, str]:
    """The key of each spoken line by its ``line_id``: its words and speaker, and which one of how many alike it is."""
    digests = {line.line_id: _digest(line) for line in ledger.lines if line.number > 0}
    alike, seen = Counter(digests.values()), Counter[str]()
    keys = {}
    for line_id, digest in digests.items():
        seen[digest] += 1
        keys[line_id] = f"{digest}-{seen[digest]}of{alike[digest]}"
    return keys


def ad_lib_key(ad_lib: AdLib) -> str:
    """The key of an ad-lib: when it is spoken."""
    return f"ad-lib@{ad_lib.start:.3f}-{ad_lib.end:.3f}"


def corrected(ledger: Ledger, corrections: Iterable[Correction], scenes: Sequence[Scene] = ()) -> Corrected:
    """The ledger as people say it is. ``scenes`` place the lines whose take moved; without them they stay put.

    What was measured of the film as a whole (``coverage``, ``script_matches``) is the machine's own and stays.
    """
    by_key = {one.key: one for one in corrections if not one.empty}
    keys = line_keys(ledger)
    conflicts: list[Conflict] = []
    lines, made = [], list[AdLib]()
    for line in ledger.lines:
        said = by_key.pop(keys.get(line.line_id, ""), None)
        after, loose, kept = (line, [], True) if said is None else _line(line, said, scenes)
        lines.append(after)
        made += loose
        if said is not None and not kept:
            conflicts.append(Conflict(reason="take_gone", correction=said))
    ad_libs, lost = _ad_libs(ledger.ad_libs, by_key)
    ad_libs = tuple(sorted([*ad_libs, *made], key=lambda one: one.start))
    update = {
        "lines": tuple(lines),
        "ad_libs": ad_libs,
        "ad_lib_seconds": round(sum(one.end - one.start for one in ad_libs), 3),
        "omitted_words": max(0, ledger.omitted_words + _omitted(lines) - _omitted(ledger.lines)),
    }
    return Corrected(ledger.model_copy(update=update), (*conflicts, *lost))


def _digest(line: LedgerLine) -> str:
    words = " ".join(line.text.casefold().split())
    return sha256(f"{(line.speaker or '').casefold()}\n{words}".encode()).hexdigest()[:16]


def _omitted(lines: Iterable[LedgerLine]) -> int:
    return sum(len(line.text.split()) for line in lines if line.status is LineStatus.OMITTED)


def _line(line: LedgerLine, said: Correction, scenes: Sequence[Scene]) -> tuple[LedgerLine, list[AdLib], bool]:
    """The line as it was said to be, what of it is an ad-lib now, and whether all that was said found its place."""
    takes = list(line.takes)
    before = next((at for at, take in enumerate(takes) if take.chosen), None)
    chosen, kept = before, True
    if said.take is not None:
        found = _same(takes, said.take)
        kept = found is not None or said.times is not None
        chosen = found if found is not None or said.times is not None else before
    if said.times is not None:
        chosen = _at_times(takes, chosen, line.text, said.times)
    loose = list[AdLib]()
    if said.ad_lib and chosen is not None:
        gone = takes.pop(chosen)
        loose.append(AdLib(start=gone.start, end=gone.end, text=gone.spoken_text or " ".join(_texts(gone))))
        chosen = max((at for at, take in enumerate(takes) if take.complete), default=len(takes) - 1 if takes else None)
    status = said.status or _status_without_word(line, said, takes)
    if status is LineStatus.OMITTED:
        chosen = None
    update: dict[str, object] = {
        "status": status,
        "takes": tuple(take.model_copy(update={"chosen": at == chosen}) for at, take in enumerate(takes)),
        "review": "corrected" if said.changes else "confirmed" if said.confirmed else line.review,
    }
    if said.changes or said.confirmed:
        update["confidence"] = 1.0
    if status is LineStatus.OMITTED:
        update["scene_ids"] = ()
    elif scenes and chosen is not None and (chosen != before or said.times is not None):
        update["scene_ids"] = tuple(scene.index for scene in scenes if _plays(scene, takes[chosen]))
    return line.model_copy(update=update), loose, kept


def _status_without_word(line: LedgerLine, said: Correction, takes: Sequence[Take]) -> LineStatus | None:
    """What follows for the status where a person said nothing of it."""
    if not takes:
        return LineStatus.OMITTED
    omitted = line.status is LineStatus.OMITTED
    return LineStatus.SPOKEN if omitted and said.times is not None else line.status


def _at_times(takes: list[Take], chosen: int | None, text: str, times: Span) -> int:
    """Move the chosen take, or make one where there is none; its place in ``takes``."""
    if chosen is None:
        takes.append(_spoken(text, times))
        takes.sort(key=lambda take: take.start)
        return next(at for at, take in enumerate(takes) if (take.start, take.end) == (times.start, times.end))
    takes[chosen] = _moved(takes[chosen], times)
    return chosen


def _same(takes: Sequence[Take | AdLib], span: Span) -> int | None:
    """The one that covers mostly the same time, if there is one."""
    shares = [(_share(take, span), at) for at, take in enumerate(takes)]
    best = max(shares, default=(0.0, 0))
    return best[1] if best[0] >= _SAME_SHARE else None


def _share(one: Take | AdLib, span: Span) -> float:
    both = min(one.end, span.end) - max(one.start, span.start)
    either = max(one.end, span.end) - min(one.start, span.start)
    return both / either if either > 0 else float(both == 0)


def _moved(take: Take, times: Span) -> Take:
    """The take at other times, its words stretched along."""
    scale = (times.end - times.start) / max(take.end - take.start, 0.001)
    words = tuple(
        TakeWord(
            text=word.text,
            start=times.start + (word.start - take.start) * scale,
            end=times.start + (word.end - take.start) * scale,
            score=word.score,
            source="interpolated",
        )
        for word in take.words
    )
    return take.model_copy(update={"start": times.start, "end": times.end, "words": words})


def _spoken(text: str, times: Span) -> Take:
    """A take that only a person heard: the author's words, sharing its time by their letters."""
    texts, at = text.split(), times.start
    letters = max(1, sum(map(len, texts)))
    words = []
    for one in texts:
        end = at + (times.end - times.start) * len(one) / letters
        words.append(TakeWord(text=one, start=at, end=end, score=0, source="interpolated"))
        at = end
    return Take(
        start=times.start, end=times.end, chosen=True, complete=True, score_text=0, spoken_text=text, words=tuple(words)
    )


def _texts(take: Take) -> list[str]:
    return [word.text for word in take.words]


def _plays(scene: Scene, take: Take) -> bool:
    return min(scene.end, take.end) - max(scene.start, take.start) > _TOUCH_S


def _ad_libs(ad_libs: Sequence[AdLib], said: Mapping[str, Correction]) -> tuple[tuple[AdLib, ...], list[Conflict]]:
    """The ad-libs without those that are none, and what is left over of what was said."""
    left, lost = list(ad_libs), list[Conflict]()
    for one in said.values():
        if one.heard is None:
            lost.append(Conflict(reason="line_gone", correction=one))
            continue
        at = _same(left, one.heard)
        if at is None:
            lost.append(Conflict(reason="ad_lib_gone", correction=one))
        elif one.ad_lib is False:
            del left[at]
    return tuple(left), lost
