"""Telling the outside: an event is logged, with the messages about it, in the commit that makes it true."""

from collections.abc import Sequence
from datetime import UTC, datetime

from chassis.database import UnitOfWork
from gateway.domain.notices import Notice
from gateway.ports import Changes, RecordsOn

__all__ = ["Notify"]


class Notify:
    """Logs events for those who watch, and records a message for each webhook that wants to hear.

    The courier carries messages, whatever dies meanwhile.
    """

    def __init__(self, records_on: RecordsOn, changes: Changes) -> None:
        self._records_on = records_on
        self._changes = changes

    async def __call__(self, work: UnitOfWork, notices: Sequence[Notice]) -> None:
        """Record what there is to tell, and wake who watches once it is committed."""
        if not notices:
            return
        records = self._records_on(work.connection)
        await records.events.add(notices, now=datetime.now(UTC))
        self._changes.note(work, work.tenant_id)
        for notice in notices:
            if notice.live_only:
                continue
            wanting = await records.webhooks.wanting(notice.type.value)
            if wanting:
                await records.deliveries.add(wanting, notice, now=datetime.now(UTC))
