"""Who did what. Our role may add rows and read them, and nothing else."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, Table, Text, Uuid, func, text

from gateway.adapters.postgres.tables._columns import METADATA, tenant

__all__ = ["audit", "audit_seals"]

audit = Table(
    "audit",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("action", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("resource_id", Uuid),
    Column("outcome", Text, nullable=False),
    Column("status", Integer),
    Column("user_id", Uuid),
    Column("session_id", Uuid),
    Column("key_id", Uuid),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("remark", Text),
    Column("xact", BigInteger, nullable=False, server_default=text("pg_current_xact_id()::text::bigint")),
)

audit_seals = Table(
    "audit_seals",
    METADATA,
    tenant(primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("from_xact", BigInteger, nullable=False),
    Column("to_xact", BigInteger, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("content", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("sealed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
