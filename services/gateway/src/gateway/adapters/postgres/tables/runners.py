"""Machines that were invited, as the upscale service last said they are."""

from sqlalchemy import Boolean, Column, DateTime, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from gateway.adapters.postgres.tables._columns import METADATA, created, tenant

__all__ = ["runners"]

runners = Table(
    "runners",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("user_id", Uuid, nullable=False),
    Column("scope", Text, nullable=False),
    Column("labels", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("ephemeral", Boolean, nullable=False),
    Column("wish", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("chunks_done", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("seen_at", DateTime(timezone=True)),
    Column("changed_at", DateTime(timezone=True)),
    created(),
    comment="Machines that were invited, as the upscale service last said they are.",
)
