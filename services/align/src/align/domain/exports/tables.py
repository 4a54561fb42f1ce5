"""The ledger as tables (RFC 4180, UTF-8 with a mark that spreadsheets look for): all of it, or markers alone."""

import csv
import io
from collections.abc import Iterable, Sequence

from align.domain.exports.film import Film, Mark, on_one_row
from contracts.documents import Ledger, LedgerLine, Take

__all__ = ["HEAD", "RESOLVE_HEAD", "resolve_table", "table"]

HEAD = (
    "number", "line_id", "kind", "speaker", "text", "status", "review", "confidence", "scene", "take", "takes",
    "chosen", "complete", "start", "end", "start_timecode", "end_timecode", "score_text", "score_acoustic",
    "spoken_text", "source_line",
)  # fmt: skip
RESOLVE_HEAD = ("#", "Record In", "Record Out", "Duration", "Color", "Name", "Notes")
"""As DaVinci Resolve heads these columns in its own edit index."""
_COLORS = {
    "spoken": "Green", "paraphrased": "Yellow", "partial": "Red", "repeated": "Cyan", "moved": "Purple",
}  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARK = "\ufeff"


def table(film: Film, ledger: Ledger) -> str:
    """A row for each take, one for each line that has none, and one for each ad-lib, which is kind ``ad_lib``."""
    rows: list[Sequence[object]] = [HEAD]
    for line in ledger.lines:
        if not line.takes:
            rows.append(_row(film, line, None, 0))
        rows += [_row(film, line, take, number) for number, take in enumerate(line.takes, 1)]
    for one in ledger.ad_libs:
        times = (_seconds(one.start), _seconds(one.end), film.clock.at(one.start), film.clock.at(one.end))
        blank = ("",) * 9
        rows.append(("", "", "ad_lib", "", *blank, *times, "", "", one.text, ""))
    return _written(rows)


def resolve_table(film: Film, marks: Sequence[Mark]) -> str:
    """The chosen takes as markers, with the columns of DaVinci Resolve's edit index."""
    rows: list[Sequence[object]] = [RESOLVE_HEAD]
    for number, mark in enumerate(marks, 1):
        clock = film.clock
        length = type(clock)(clock.rate, 0, clock.drop).timecode(mark.end - mark.first)
        edges = clock.timecode(mark.first), clock.timecode(mark.end)
        rows.append((number, *edges, length, _COLORS.get(mark.status.value, "Blue"), mark.label, mark.note))
    return _written(rows)


def _row(film: Film, line: LedgerLine, take: Take | None, number: int) -> Sequence[object]:
    about = (
        line.number or "", line.line_id, line.kind, line.speaker or "", line.text, line.status.value if line.status
        else "", line.review if line.number else "", line.confidence if line.number else "",
        " ".join(str(scene + 1) for scene in line.scene_ids) if take is None or take.chosen else "",
    )  # fmt: skip
    if take is None:
        return (*about, "", len(line.takes) if line.number else "", *("",) * 9, line.source_line or "")
    acoustic = "" if take.score_acoustic is None else take.score_acoustic
    return (
        *about, number, len(line.takes), _yes(take.chosen), _yes(take.complete), _seconds(take.start),
        _seconds(take.end), film.clock.at(take.start), film.clock.at(take.end), take.score_text, acoustic,
        take.spoken_text, line.source_line or "",
    )  # fmt: skip


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def _written(rows: Iterable[Sequence[object]]) -> str:
    held = io.StringIO()
    csv.writer(held).writerows([[_cell(value) for value in row] for row in rows])
    return _MARK + held.getvalue()


def _cell(value: object) -> str:
    """Text that a spreadsheet would take for a formula is marked as text, as they do it themselves: by ``'``."""
    if not isinstance(value, str):
        return str(value)
    text = on_one_row(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
