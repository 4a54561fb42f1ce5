"""One transaction of one tenant: data, announcements and new work become true together or not at all."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database._tables import PRIORITIES, inbox, outbox, tasks
from chassis.telemetry import traceparent
from contracts import uuid7
from contracts.event import Event, Fact

__all__ = ["UnitOfWork", "envelope_of"]


def envelope_of(fact: type[Fact]) -> type[Event[Any]]:
    """The envelope that holds this kind of fact; without its type, pydantic would drop the fact's own fields."""
    envelope: type[Event[Any]] = Event.__class_getitem__(fact)  # type: ignore[assignment]
    return envelope


class UnitOfWork:
    """What a handler writes through. It is committed by whoever opened it, never by who was handed it."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID, *, service: str) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        self._service = service
        self._announced: list[Event[Any]] = []
        self._wakes: dict[tuple[str, str], None] = {}

    async def announce(self, fact: Fact, *, subject: str | UUID, job_id: UUID | None = None) -> None:
        """Record a fact that becomes true with this commit; the relay sends it afterwards, at least once."""
        event = envelope_of(type(fact)).of(
            fact,
            source=self._service,
            subject=str(subject),
            tenant_id=self.tenant_id,
            job_id=job_id,
            traceparent=traceparent(),
        )
        row = insert(outbox).values(
            event_id=event.id,
            stream=event.type,
            body=event.model_dump_json(),
            correlation_id=str(job_id or event.id),
            traceparent=event.traceparent,
        )
        await self.connection.execute(row)
        self._announced.append(event)
        self._wake("outbox")

    async def enqueue(
        self,
        *,
        step: str,
        kind: str,
        key: str,
        subject: str | UUID,
        payload: Mapping[str, Any],
        job_id: UUID | None = None,
        priority: Literal["urgent", "normal", "bulk"] = "normal",
    ) -> bool:
        """Put a task in this service's queue; False if the tenant's ``key`` is known already, whatever became of it.

        ``payload`` must be JSON and hold ``run``.
        """
        if not isinstance(payload.get("run"), int):
            raise ValueError(f"the payload of task {key!r} must hold 'run', a whole number")
        row = insert(tasks).values(
            id=uuid7(),
            tenant_id=self.tenant_id,
            job_id=job_id,
            key=key,
            step=str(step),
            kind=kind,
            subject=str(subject),
            payload=dict(payload),
            priority=PRIORITIES[priority],
            traceparent=traceparent(),
        )
        result = await self.connection.execute(row.on_conflict_do_nothing())
        self._wake("tasks")
        return result.rowcount == 1

    async def hold(self, what: str | UUID) -> None:
        """Wait until no other transaction of this service and tenant holds the same thing; keep it until the commit.

        For facts that are joined: two that come at one moment would each not see the other, and nothing would begin.
        """
        name = f"{self._service}/{self.tenant_id}/{what}"
        await self.connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))

    async def cancel_tasks(self, *, job_id: UUID | None = None, subject: str | UUID | None = None) -> int:
        """Cancel the tenant's unfinished tasks of this job, of this subject, or of both where both are given.

        Returns how many. Running ones are stopped after the commit, within one heartbeat.
        """
        if job_id is None and subject is None:
            raise ValueError("cancel_tasks needs a job_id, a subject or both")
        query = select(tasks.c.id, tasks.c.state).where(
            tasks.c.tenant_id == self.tenant_id, text("state in ('queued', 'dispatched', 'running')")
        )
        if job_id is not None:
            query = query.where(tasks.c.job_id == job_id)
        if subject is not None:
            query = query.where(tasks.c.subject == str(subject))
        found = query.with_for_update().cte("found")
        cancelled = await self.connection.execute(
            update(tasks)
            .where(tasks.c.id == found.c.id)
            .values(state="cancelled", changed_at=func.now())
            .returning(tasks.c.id, found.c.state)
        )
        before = {id_: state for id_, state in cancelled}
        for id_, state in before.items():
            if state == "running":  # the others never start: nobody needs to be told at once
                self._wake("cancelled", str(id_))
        if before:
            self._wake("tasks")
        return len(before)

    async def _receive(self, event: Event[Any]) -> bool:
        """Note in the inbox that this event's effects are part of this commit; False if they were before."""
        row = insert(inbox).values(event_id=event.id, stream=event.type)
        result = await self.connection.execute(row.on_conflict_do_nothing())
        return result.rowcount == 1

    def _wake(self, topic: str, payload: str = "") -> None:
        self._wakes[(topic, payload)] = None

    async def _notify(self) -> None:
        """Wake the relay and the dispatcher; PostgreSQL delivers it with the commit."""
        for topic, payload in self._wakes:
            await self.connection.execute(select(func.pg_notify(f"{self._service}_{topic}", payload)))
