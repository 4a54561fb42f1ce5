"""What the task rows and the work stream disagree on, and what to do about it. Pure."""

from collections.abc import Iterable, Set
from uuid import UUID

from chassis.work._store import InFlight
from chassis.work._stream import Parcel

__all__ = ["Comparison"]


class Comparison:
    """The rows in flight, held against the entries on the stream, page by page.

    A running row without a heartbeat lost its worker. A dispatched row lost its entry if none with its token is on the
    stream (Redis forgot it, or the dispatcher died before sending it) or if a consumer took the entry and fell silent
    before it claimed the task. An entry is of use while its row still waits for it, or runs because of it: the claim
    raised the token by one.
    """

    def __init__(self, rows: Iterable[InFlight]) -> None:
        self._rows = {row.id: row for row in rows}
        self._useful: set[UUID] = set()

    def useless(self, parcels: Iterable[Parcel], held_silently: Set[str]) -> list[str]:
        """Entries of this page that lead nowhere."""
        return [parcel.entry_id for parcel in parcels if not self._leads_somewhere(parcel, held_silently)]

    def lost(self) -> list[tuple[UUID, int]]:
        """Tasks to queue again, with the token each had. Ask when all pages were seen."""
        return [
            (row.id, row.token)
            for row in self._rows.values()
            if (row.silent if row.state == "running" else row.id not in self._useful)
        ]

    def _leads_somewhere(self, parcel: Parcel, held_silently: Set[str]) -> bool:
        row = self._rows.get(parcel.task_id)
        if row is None:
            return False
        if row.state == "running":
            return row.token == parcel.token + 1 and not row.silent
        if row.token != parcel.token or parcel.entry_id in held_silently or row.id in self._useful:
            return False
        self._useful.add(row.id)
        return True
