"""How long tenants keep what."""

from sqlalchemy import Column, DateTime, Integer, Table, Text, func

from gateway.adapters.postgres.tables._columns import METADATA, tenant

__all__ = ["retentions"]

retentions = Table(
    "retentions",
    METADATA,
    tenant(primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("days", Integer),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
