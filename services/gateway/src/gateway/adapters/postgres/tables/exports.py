"""Exports of everything a tenant has."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Table, Text, Uuid

from gateway.adapters.postgres.tables._columns import METADATA, created, tenant

__all__ = ["exports"]

exports = Table(
    "exports",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("media", Boolean, nullable=False),
    Column("requested_by", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("size_bytes", BigInteger),
    Column("sha256", Text),
    Column("reason", Text),
    created(),
)
