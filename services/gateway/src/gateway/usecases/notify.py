"""Telling the outside: an event and the messages about it are recorded in the commit that makes it true."""

from collections.abc import Sequence
from datetime import UTC, datetime

from chassis.database import UnitOfWork
from gateway.domain.notices import Notice
from gateway.ports import RecordsOn

__all__ = ["Notify"]


class Notify:
    """Records a message for each webhook that wants to hear; the courier carries it, whatever dies meanwhile."""

    def __init__(self, records_on: RecordsOn) -> None:
        self._records_on = records_on

    async def __call__(self, work: UnitOfWork, notices: Sequence[Notice]) -> None:
        """Record what there is to tell, if anybody wants to know."""
        if not notices:
            return
        records = self._records_on(work.connection)
        for notice in notices:
            wanting = await records.webhooks.wanting(notice.type.value)
            if wanting:
                await records.deliveries.add(wanting, notice, now=datetime.now(UTC))
