"""One transaction of one tenant: data, announcements and new work become true together or not at all."""

from collections.abc import Collection, Container, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import delete, func, select, text, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database._stones import stone_of
from chassis.database._tables import PRIORITIES, inbox, outbox, tasks
from chassis.telemetry import traceparent
from contracts import uuid7
from contracts.event import Event, Fact

__all__ = ["Commit", "UnitOfWork", "enter", "envelope_of"]


_ENTER = text("SELECT set_config('app.tenant_id', :tenant, true)")
# The tenant is set with the first row that is new: where nothing is new, nothing is handled.
_RECEIVE = text(
    "INSERT INTO inbox (event_id, stream)"
    " SELECT id, stream FROM unnest(CAST(:ids AS uuid[]), CAST(:streams AS text[]), CAST(:stones AS uuid[]))"
    " heard (id, stream, stone) WHERE stone IS NULL OR NOT EXISTS (SELECT FROM inbox WHERE event_id = heard.stone)"
    " ON CONFLICT DO NOTHING RETURNING event_id, set_config('app.tenant_id', :tenant, true)"
)
_ANNOUNCE = text(
    "WITH said AS (INSERT INTO outbox (event_id, stream, body, correlation_id, traceparent)"
    " SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:streams AS text[]), CAST(:bodies AS text[]),"
    " CAST(:correlations AS text[]), CAST(:traces AS text[]))) SELECT pg_notify(:channel, '')"
)
_WALLED = text(
    "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE nspname = current_schema() AND relkind = 'r' AND relrowsecurity ORDER BY relname"
)
_NOTIFY = text("SELECT pg_notify(:channel, :payload)")


def envelope_of(fact: type[Fact]) -> type[Event[Any]]:
    """The envelope that holds this kind of fact; without its type, pydantic would drop the fact's own fields."""
    envelope: type[Event[Any]] = Event.__class_getitem__(fact)  # type: ignore[assignment]
    return envelope


async def enter(connection: AsyncConnection, tenant_id: UUID) -> None:
    """Make this transaction the tenant's: row-level security shows and takes its rows alone."""
    await connection.execute(_ENTER, {"tenant": str(tenant_id)})


class Commit:
    """What the units of work of one transaction have in common: the connection, and what is said at its end."""

    def __init__(self, connection: AsyncConnection, *, service: str) -> None:
        self.connection = connection
        self.service = service
        self.announced: list[Event[Any]] = []
        self.units: list[UnitOfWork] = []
        self.wakes: dict[tuple[str, str], None] = {}
        self._tenant_id: UUID | None = None

    async def unit(self, tenant_id: UUID) -> "UnitOfWork":
        """The next unit of work; from here on the connection is this tenant's, and the unit before is over."""
        if tenant_id != self._tenant_id:
            await enter(self.connection, tenant_id)
            self._tenant_id = tenant_id
        work = UnitOfWork(self, tenant_id)
        self.units.append(work)
        return work

    async def receive(self, events: Sequence[Event[Any]], *, always: Container[str] = ()) -> set[UUID]:
        """Note in the inbox that these events' effects are part of this commit; returns the ids that are new to it.

        Facts of a tenant that was erased are none, but for those on the streams that are ``always`` heard.

        The connection is then the first one's tenant's. Sorted, so that two replicas that hold the same events wait for
        each other and never for ever.
        """
        known = sorted({event.id: (event.type, event.tenantid) for event in events}.items())
        tenant_id = events[0].tenantid
        columns: dict[str, Any] = {
            "ids": [id_ for id_, _ in known],
            "streams": [stream for _, (stream, _) in known],
            "stones": [None if stream in always else stone_of(tenant) for _, (stream, tenant) in known],
        }
        fresh = set((await self.connection.execute(_RECEIVE, {**columns, "tenant": str(tenant_id)})).scalars())
        if fresh:
            self._tenant_id = tenant_id
        return fresh

    async def seal(self) -> None:
        """Write what was announced, and wake who waits for it; PostgreSQL delivers the wake-up with the commit."""
        if self.announced:
            columns = {
                "ids": [event.id for event in self.announced],
                "streams": [event.type for event in self.announced],
                "bodies": [event.model_dump_json() for event in self.announced],
                "correlations": [str(event.jobid or event.id) for event in self.announced],
                "traces": [event.traceparent for event in self.announced],
                "channel": f"{self.service}_outbox",
            }
            await self.connection.execute(_ANNOUNCE, columns)
        for topic, payload in self.wakes:
            await self.connection.execute(_NOTIFY, {"channel": f"{self.service}_{topic}", "payload": payload})


class UnitOfWork:
    """What a handler writes through. It is committed by whoever opened it, never by who was handed it."""

    def __init__(self, commit: Commit, tenant_id: UUID) -> None:
        self.connection = commit.connection
        self.tenant_id = tenant_id
        self._commit = commit
        self._service = commit.service

    async def announce(self, fact: Fact, *, subject: str | UUID, job_id: UUID | None = None) -> None:
        """Record a fact that becomes true with this commit; the relay sends it afterwards, at least once.

        It is written at the very end, together with all others of the commit.
        """
        event = envelope_of(type(fact)).of(
            fact,
            source=self._service,
            subject=str(subject),
            tenant_id=self.tenant_id,
            job_id=job_id,
            traceparent=traceparent(),
        )
        self._commit.announced.append(event)

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

    async def cancel_tasks(
        self, *, job_id: UUID | None = None, subject: str | UUID | None = None, all_of_them: bool = False
    ) -> list[dict[str, Any]]:
        """Cancel the tenant's unfinished tasks of this job, of this subject, or of both where both are given; or all.

        Returns their payloads: a worker that died may have left something behind that nobody will come back for.
        Running ones are stopped after the commit, within one heartbeat.
        """
        if job_id is None and subject is None and not all_of_them:
            raise ValueError("cancel_tasks needs a job_id, a subject or both")
        query = select(tasks.c.id, tasks.c.state).where(
            tasks.c.tenant_id == self.tenant_id, text("state in ('queued', 'dispatched', 'running')")
        )
        if job_id is not None:
            query = query.where(tasks.c.job_id == job_id)
        if subject is not None:
            query = query.where(tasks.c.subject == str(subject))
        # In one order: two who call off the same tasks wait for each other, and not crosswise.
        found = query.order_by(tasks.c.id).with_for_update().cte("found")
        cancelled = await self.connection.execute(
            update(tasks)
            .where(tasks.c.id == found.c.id)
            .values(state="cancelled", changed_at=func.now())
            .returning(tasks.c.id, found.c.state, tasks.c.payload)
        )
        payloads = []
        for id_, state, payload in cancelled:
            payloads.append(dict(payload))
            if state == "running":  # the others never start: nobody needs to be told at once
                self._wake("cancelled", str(id_))
        if payloads:
            self._wake("tasks")
        return payloads

    async def unsay(self, about: UUID, *, sparing: Collection[str] = ()) -> int:
        """Forget every announced fact in which this id stands, sent or not; returns how many there were.

        On the streams named in ``sparing`` what is not sent yet stays: it may be the only word of something else.
        """
        said = delete(outbox).where(outbox.c.body.contains(str(about)))
        if sparing:
            said = said.where(outbox.c.stream.not_in(sparing) | outbox.c.sent_batch.is_not(None))
        return (await self.connection.execute(said)).rowcount

    async def forget_tasks(self, about: UUID) -> int:
        """Forget the tenant's tasks on this subject, whatever became of them, or all if it is the tenant itself;
        returns how many there were.
        """
        these = true() if about == self.tenant_id else tasks.c.subject == str(about)
        row = delete(tasks).where(tasks.c.tenant_id == self.tenant_id, these)
        return (await self.connection.execute(row)).rowcount

    async def empty_tables(self, *, but: Container[str] = (), last: Container[str] = ()) -> dict[str, int]:
        """Delete every row of the tenant from every table behind its wall; returns how many each had.

        ``last``: those that others lean on without saying what becomes of them.
        """
        counts: dict[str, int] = {}
        names = [name for name in (await self.connection.execute(_WALLED)).scalars().all() if name not in but]
        for name in sorted(names, key=lambda name: (name in last, name)):
            quoted = name.replace('"', '""')
            counts[name] = (await self.connection.execute(text(f'DELETE FROM "{quoted}"'))).rowcount
        return {name: count for name, count in counts.items() if count}

    async def close_inbox(self) -> None:
        """Let no fact of this tenant in any more, for as long as the inbox remembers: it was erased."""
        row = insert(inbox).values(event_id=stone_of(self.tenant_id), stream="erased")
        await self.connection.execute(row.on_conflict_do_nothing())

    def _wake(self, topic: str, payload: str = "") -> None:
        self._commit.wakes[(topic, payload)] = None
