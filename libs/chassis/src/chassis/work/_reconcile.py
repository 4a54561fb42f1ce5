"""What the task rows and the work stream disagree on, and what to do about it. Pure."""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from uuid import UUID

from chassis.work._store import InFlight
from chassis.work._stream import Parcel

__all__ = ["Differences", "differences"]


@dataclass(frozen=True)
class Differences:
    """Tasks to queue again, with the token each had, and entries that lead nowhere."""

    requeue: tuple[tuple[UUID, int], ...]
    drop: tuple[str, ...]


def differences(rows: Iterable[InFlight], parcels: Iterable[Parcel], held_silently: Set[str]) -> Differences:
    """Compare the rows in flight with the entries on the stream.

    A running row without a heartbeat lost its worker. A dispatched row lost its entry if none with its token is on the
    stream (Redis forgot it, or the dispatcher died before sending it) or if a consumer took the entry and fell silent
    before it claimed the task. An entry is of use while its row still waits for it, or runs because of it: the claim
    raised the token by one.
    """
    known = {row.id: row for row in rows}
    useful: dict[UUID, Parcel] = {}
    drop = []
    for parcel in parcels:
        row = known.get(parcel.task_id)
        waits = row is not None and row.state == "dispatched" and row.token == parcel.token
        runs = row is not None and row.state == "running" and row.token == parcel.token + 1 and not row.silent
        if runs or (waits and parcel.entry_id not in held_silently):
            useful[parcel.task_id] = parcel
        else:
            drop.append(parcel.entry_id)
    requeue = tuple(
        (row.id, row.token)
        for row in known.values()
        if (row.silent if row.state == "running" else row.id not in useful)
    )
    return Differences(requeue, tuple(drop))
