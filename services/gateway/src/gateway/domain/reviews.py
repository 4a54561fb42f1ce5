"""What people say of an alignment: corrections of lines, in revisions that are never lost and can be undone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from contracts.documents import Correction, Ledger, LedgerLine, LineStatus, Span, ad_lib_key, line_keys
from gateway.domain.refusals import InvalidRequest

__all__ = ["AdLibChange", "Change", "LineChange", "Revision", "changes_of", "restoring"]

_LONGEST_S = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class LineChange:
    """What is to be said of a line. ``said`` holds the fields that were given; None takes one back."""

    line_id: str
    said: Mapping[str, Any]
    """``status chosen_take start end ad_lib confirmed note``."""


@dataclass(frozen=True, slots=True)
class AdLibChange:
    """What is to be said of the ad-lib that begins at ``start`` seconds: that it is none, or is one after all."""

    start: float
    ad_lib: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One correction before and after."""

    before: Correction | None
    after: Correction
    """One that says nothing takes back what was said."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What one person changed at once."""

    id: UUID
    video_id: UUID
    script_id: UUID
    revision: int
    kind: Literal["correction", "undo"]
    user_id: UUID
    changes: Sequence[Change]
    created_at: datetime
    undoes: int | None = None


def changes_of(
    ledger: Ledger,
    known: Mapping[str, Correction],
    lines: Iterable[LineChange],
    ad_libs: Iterable[AdLibChange],
    *,
    by: UUID,
    at: datetime,
) -> list[Change]:
    """What is said from now on, merged with what was said before. Raises InvalidRequest.

    ``ledger`` is the machine's: takes are counted there, and ad-libs known by when they begin there.
    """
    keys, spoken = line_keys(ledger), {line.line_id: line for line in ledger.lines if line.number > 0}
    changes, seen = list[Change](), set[str]()
    for at_index, wanted in enumerate(lines):
        field = f"lines.{at_index}"
        line = spoken.get(wanted.line_id)
        if line is None:
            raise InvalidRequest(f"the script has no spoken line {wanted.line_id!r}", field=f"{field}.line_id")
        if wanted.line_id in seen:
            raise InvalidRequest("name each line once", field=f"{field}.line_id")
        seen.add(wanted.line_id)
        before = known.get(keys[wanted.line_id])
        empty = Correction(key=keys[wanted.line_id], line_id=line.line_id, text=line.text)
        after = _merged(line, before or empty, wanted.said, field)
        changes.append(Change(before, after.model_copy(update={"line_id": line.line_id, "by": by, "at": at})))
    for at_index, change in enumerate(ad_libs):
        changes.append(_ad_lib(ledger, known, change, field=f"ad_libs.{at_index}", by=by, at=at))
    if len({change.after.key for change in changes}) < len(changes):
        raise InvalidRequest("name each ad-lib once", field="ad_libs")
    return changes


def restoring(changes: Iterable[Change], *, by: UUID, at: datetime) -> list[Change]:
    """The changes that take these back."""
    restored = []
    for change in changes:
        empty = Correction(key=change.after.key, line_id=change.after.line_id, text=change.after.text)
        before = change.before or empty
        restored.append(Change(change.after, before.model_copy(update={"by": by, "at": at})))
    return restored


def _ad_lib(
    ledger: Ledger, known: Mapping[str, Correction], change: AdLibChange, *, field: str, by: UUID, at: datetime
) -> Change:
    found = next((one for one in ledger.ad_libs if abs(one.start - change.start) < 0.0015), None)
    if found is None:
        raise InvalidRequest(f"no ad-lib begins at {change.start:.3f} s", field=f"{field}.start")
    key = ad_lib_key(found)
    after = Correction(
        key=key,
        text=found.text,
        ad_lib=None if change.ad_lib else False,
        heard=Span(start=found.start, end=found.end),
        note=change.note,
        by=by,
        at=at,
    )
    return Change(known.get(key), after)


def _merged(line: LedgerLine, before: Correction, said: Mapping[str, Any], field: str) -> Correction:
    """The correction with what is said now. A field that was not given stays as it was."""
    update: dict[str, Any] = {name: said[name] for name in ("status", "ad_lib", "note") if name in said}
    if "confirmed" in said:
        update["confirmed"] = bool(said["confirmed"])
    if "chosen_take" in said:
        update["take"] = _take(line, said["chosen_take"], f"{field}.chosen_take")
    if "start" in said or "end" in said:
        update["times"] = _times(line, before, said, field)
    after = Correction.model_validate({**before.model_dump(), **update})
    if after.status is LineStatus.OMITTED and (after.take or after.times):
        raise InvalidRequest("an omitted line has no take: leave out its take and times", field=f"{field}.status")
    if after.ad_lib is True and not line.takes:
        raise InvalidRequest("nothing was heard for this line that could be an ad-lib", field=f"{field}.ad_lib")
    return after


def _take(line: LedgerLine, number: int | None, field: str) -> Span | None:
    if number is None:
        return None
    if not 0 <= number < len(line.takes):
        raise InvalidRequest(f"this line has {len(line.takes)} takes, counted from 0", field=field)
    take = line.takes[number]
    return Span(start=take.start, end=take.end)


def _times(line: LedgerLine, before: Correction, said: Mapping[str, Any], field: str) -> Span | None:
    """Both ends, of which one may be known already. Giving both as null takes them back."""
    known: Any = before.times or before.take or next((take for take in line.takes if take.chosen), None)
    start = said["start"] if "start" in said else getattr(known, "start", None)
    end = said["end"] if "end" in said else getattr(known, "end", None)
    if said.get("start", 0) is None and said.get("end", 0) is None:
        return None
    if start is None or end is None:
        raise InvalidRequest("a line without a take needs a start and an end", field=f"{field}.start")
    if not 0 <= start < end <= _LONGEST_S:
        raise InvalidRequest("end must be later than start", field=f"{field}.end")
    return Span(start=start, end=end)
