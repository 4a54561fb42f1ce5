"""The log of events."""

from sqlalchemy import BigInteger, Column, Table, Text, Uuid, text

from gateway.adapters.postgres.tables._columns import METADATA, created, tenant

__all__ = ["event_heads", "events"]

events = Table(
    "events",
    METADATA,
    Column("seq", BigInteger, primary_key=True),
    tenant(),
    Column("position", BigInteger, comment="Empty until the transaction is committed and somebody numbers it."),
    Column("type", Text, nullable=False),
    Column("job_id", Uuid),
    Column("video_id", Uuid),
    Column("body", Text, nullable=False),
    created(),
)

event_heads = Table(
    "event_heads",
    METADATA,
    tenant(primary_key=True),
    Column("last", BigInteger, nullable=False, server_default=text("0")),
    Column("forgotten", BigInteger, nullable=False, server_default=text("0")),
    Column("erased", BigInteger, nullable=False, server_default=text("0")),
    comment="The places of the last event of each tenant, and of the last not kept; how often some were erased.",
)
