"""The plumbing every service's schema holds: what it heard, what it will say, what it has to do.

No row-level security here, on purpose. The relay and the dispatcher serve all tenants of a service at once and run for
none of them; a wall keyed on the tenant of a transaction would hide every row from them. Nothing here is ever read on
behalf of a client, and each row names its tenant, in whose transaction its effects are then made.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["PRIORITIES", "create_plumbing", "inbox", "outbox", "tasks"]

PRIORITIES = {"urgent": 0, "normal": 1, "bulk": 2}

_READY = "state = 'queued' and not_before is null"
_metadata = MetaData()

inbox = Table(
    "inbox",
    _metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
    comment="Facts whose effects are committed: a redelivery finds its id here and does nothing.",
)

outbox = Table(
    "outbox",
    _metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("stream", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("traceparent", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("sent_batch", BigInteger),
    Column("sent_at", DateTime(timezone=True)),
    Index("outbox_unsent", "position", postgresql_where=text("sent_batch is null")),
    Index("outbox_sent", "sent_batch", postgresql_where=text("sent_batch is not null")),
    comment="Facts announced. A sent row stays for a while: should Redis lose it, it is sent again.",
)

tasks = Table(
    "tasks",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("job_id", Uuid),
    Column("key", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("traceparent", Text),
    Column("state", Text, nullable=False, server_default="queued"),
    Column("token", BigInteger, nullable=False, server_default="0"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("worker", Text),
    Column("reason", Text),
    Column("detail", Text),
    Column("not_before", DateTime(timezone=True), comment="Absent: as soon as its turn comes."),
    Column("heartbeat_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # The key comes first: an index led by the tenant would tempt the planner to look for the next one there.
    UniqueConstraint("key", "tenant_id"),
    # What the dispatcher asks is answered by an index of just the rows it asks for, however long the queue is.
    Index("tasks_ready", "priority", "tenant_id", "created_at", "id", postgresql_where=text(_READY)),
    Index("tasks_waiting", "not_before", postgresql_where=text("state = 'queued' and not_before is not null")),
    Index("tasks_in_flight", "tenant_id", postgresql_where=text("state in ('dispatched', 'running')")),
    Index("tasks_ended", "changed_at", postgresql_where=text("state in ('done', 'failed', 'cancelled')")),
    Index("tasks_job", "job_id"),
    Index("tasks_subject", "subject"),
    comment="Long work. States: queued, dispatched, running, done, failed, cancelled. The token fences stale workers.",
    # Heartbeats find room on their row's own page, and what moved on is swept up before the queue's indexes swell.
    postgresql_with={"fillfactor": 80, "autovacuum_vacuum_scale_factor": 0.02, "autovacuum_vacuum_cost_delay": 0},
)


def create_plumbing(op: Any) -> None:
    """Create the inbox, outbox and tasks tables; called by the first revision of each service.

    ``op`` is ``alembic.op`` (or an ``Operations``); the tables land in the schema that is being migrated.
    """
    _metadata.create_all(op.get_bind(), checkfirst=False)
