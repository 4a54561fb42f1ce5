"""The ledger: what became of each line, how sure that is, and whether the script is this film's at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from align.domain.confidence import line_confidence, near_loose_speech
from align.domain.extras import ad_libs_of
from align.domain.heard import HeardWord
from align.domain.matching import Matching
from align.domain.order import out_of_order
from align.domain.paraphrase import Restated
from align.domain.passes import LineTokens, Pass
from align.domain.script import Script, ScriptLine
from align.domain.takes import TokenTime, best_take, restated_take, take_of
from contracts.documents import Ledger, LedgerLine, LineStatus, Scene, Take

__all__ = ["tell_ledger", "verdict"]

Verdict = Literal["yes", "partly", "no"]

_MATCHES = 0.5
_MATCHES_PARTLY = 0.12
"""Coverage: an unrelated script in the same language stays under it."""
_LITERAL_AT_LEAST = 0.06
_LONG_SCRIPT = 8
"""Words of a script from which a match of it must have a stretch of four words in common."""
_SCRIPTED_SPEECH = 0.35
"""Share of the speech that is in the script: a clip of a long script covers little of it but is all in it."""


@dataclass(frozen=True)
class _Told:
    """A line with its takes, before it is known whether it was moved."""

    takes: tuple[Take, ...]
    status: LineStatus
    coverage: float
    """Share of the line's words that was heard."""


def tell_ledger(
    script: Script,
    matching: Matching,
    words: Sequence[HeardWord],
    times: Sequence[TokenTime],
    scenes: Sequence[Scene] = (),
    *,
    engine: str = "",
) -> Ledger:
    """Tell what became of every line. ``times`` are those of ``matching.heard``, one each."""
    matches = verdict(matching)
    if matches == "no":
        return _unrelated(script, matching, words, engine)
    passes, restated = _by_line(matching.passes), _by_line(matching.restated)
    told = [
        _tell(line, matching, words, times, passes.get(at, []), restated.get(at, []))
        for at, line in enumerate(script.spoken)
    ]
    moved = out_of_order({at: [take.start for take in _counted(one.takes)] for at, one in enumerate(told) if one.takes})
    doubtful = near_loose_speech(matching)
    lines = [
        _spoken_entry(line, told[at], matching, scenes, moved=at in moved, doubtful=at in doubtful)
        if (at := line.number - 1) >= 0
        else _entry(line)
        for line in script.lines
    ]
    ad_libs = ad_libs_of(matching, words, times)
    sizes = [line.required for line in matching.lines]
    heard = sum(one.coverage * size for one, size in zip(told, sizes, strict=True))
    return Ledger(
        script_matches=matches,
        coverage=round(heard / max(1, sum(sizes)), 3),
        omitted_words=sum(size for one, size in zip(told, sizes, strict=True) if one.status is LineStatus.OMITTED),
        ad_lib_seconds=round(sum(one.end - one.start for one in ad_libs), 3),
        lines=tuple(lines),
        ad_libs=ad_libs,
        engine=engine,
    )


def verdict(matching: Matching) -> Verdict:
    """Whether the film was made from the script, by the words both share in long and ordered stretches."""
    total = sum(line.required for line in matching.lines)
    best: dict[int, float] = {}
    solid = 0
    for one in matching.passes:
        words = sum(likeness for _, _, likeness in one.matches)
        if words >= 4:
            solid += 1
            best[one.line] = max(best.get(one.line, 0.0), words)
        else:
            best.setdefault(one.line, 0.5 * words)
    literal = sum(best.values()) / max(1, total)
    restated = sum(matching.lines[one.line].required for one in matching.restated) / max(1, total)
    scripted = sum(one.heard for one in matching.passes if one.heard >= 4) / max(1, len(matching.heard))
    # Other words alone are believed only of most of a script: on one subject, some lines are always near.
    coverage = literal + 0.8 * restated if literal >= _LITERAL_AT_LEAST or restated >= _MATCHES else literal
    if not solid and total >= _LONG_SCRIPT and restated < _MATCHES:
        return "no"
    if coverage >= _MATCHES:
        return "yes"
    return "partly" if coverage >= _MATCHES_PARTLY or (solid and scripted >= _SCRIPTED_SPEECH) else "no"


def _unrelated(script: Script, matching: Matching, words: Sequence[HeardWord], engine: str) -> Ledger:
    """Nothing of this script is in the film: no times, rather than times that mean nothing."""
    lines = tuple(
        _entry(line)
        if line.kind != "dialogue"
        else _entry(line).model_copy(update={"status": LineStatus.OMITTED, "confidence": 0.95})
        for line in script.lines
    )
    omitted = sum(line.required for line in matching.lines)
    return Ledger(script_matches="no", coverage=0.0, omitted_words=omitted, lines=lines, engine=engine)


_Found = TypeVar("_Found", Pass, Restated)


def _by_line(found: Sequence[_Found]) -> dict[int, list[_Found]]:
    lines: dict[int, list[_Found]] = {}
    for one in found:
        lines.setdefault(one.line, []).append(one)
    return lines


def _tell(
    line: ScriptLine,
    matching: Matching,
    words: Sequence[HeardWord],
    times: Sequence[TokenTime],
    passes: Sequence[Pass],
    restated: Sequence[Restated],
) -> _Told:
    tokens = matching.lines[line.number - 1]
    takes = [(take_of(one, tokens, line.text, matching, words, times), one.fluent) for one in passes]
    takes += [(restated_take(one, matching, words, times), 1.0) for one in restated]
    takes.sort(key=lambda pair: pair[0].start)
    if not takes:
        return _Told((), LineStatus.OMITTED, 0.0)
    chosen = best_take([take for take, _ in takes], [fluent for _, fluent in takes])
    marked = tuple(take.model_copy(update={"chosen": n == chosen}) for n, (take, _) in enumerate(takes))
    coverage = max([one.share for one in passes] + [one.alike for one in restated])
    if restated and not any(one.complete(tokens) for one in passes):
        return _Told(marked, LineStatus.PARAPHRASED, coverage)
    return _Told(marked, _status(passes, tokens), coverage)


def _status(passes: Sequence[Pass], tokens: LineTokens) -> LineStatus:
    """Of a line with literal passes, whatever its place in the film."""
    complete = [one for one in passes if one.complete(tokens)]
    if len(complete) > 1:
        return LineStatus.REPEATED
    best = max(complete or passes, key=lambda one: one.share)
    if complete and _faithful(best, tokens):
        return LineStatus.SPOKEN
    replaced = best.heard >= 0.7 * tokens.required and best.precision < 0.8
    return LineStatus.PARAPHRASED if replaced else LineStatus.PARTIAL


def _faithful(one: Pass, tokens: LineTokens) -> bool:
    """Word for word, but for what recognizers get wrong."""
    size = tokens.required
    allowed = max(0.3 * size, 2.1 if size >= 5 else 1.2)
    holes = one.longest_hole >= max(4.0, 0.25 * size)
    return (1 - one.share) * size <= allowed + 1e-9 and not holes


def _counted(takes: Sequence[Take]) -> list[Take]:
    return [take for take in takes if take.complete] or list(takes)


def _spoken_entry(
    line: ScriptLine, told: _Told, matching: Matching, scenes: Sequence[Scene], *, moved: bool, doubtful: bool
) -> LedgerLine:
    at = line.number - 1
    status = told.status
    if moved and status in (LineStatus.SPOKEN, LineStatus.PARAPHRASED):
        status = LineStatus.MOVED
    chosen = next((take for take in told.takes if take.chosen), None)
    inside = tuple(scene.index for scene in scenes if chosen and _overlap(scene, chosen))
    return _entry(line).model_copy(
        update={
            "status": status,
            "confidence": line_confidence(matching.lines[at].required, status, told.takes, doubtful=doubtful),
            "scene_ids": inside,
            "takes": told.takes,
        }
    )


_TOUCH_S = 0.04
"""Seconds: a word that ends a frame into the next scene does not play there."""


def _overlap(scene: Scene, take: Take) -> bool:
    return min(scene.end, take.end) - max(scene.start, take.start) > _TOUCH_S


def _entry(line: ScriptLine) -> LedgerLine:
    return LedgerLine(
        line_id=line.line_id,
        number=line.number,
        text=line.text,
        kind=line.kind,
        speaker=line.speaker,
        source_line=line.source_line,
    )
