"""How uploads get here that do not come in one request."""

from sqlalchemy import BigInteger, Column, DateTime, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from gateway.adapters.postgres.tables._columns import METADATA, tenant

__all__ = ["transfers"]

transfers = Table(
    "transfers",
    METADATA,
    Column("upload_id", Uuid, primary_key=True),
    tenant(),
    Column("kind", Text, nullable=False),
    Column("touched_at", DateTime(timezone=True), nullable=False),
    Column("length", BigInteger),
    Column("metadata", Text, nullable=False),
    Column("parts", ARRAY(Uuid), nullable=False),
    Column("source", Text),
    Column("validator", Text),
    Column("writer", Uuid),
    comment="Beside the upload of the same id. Bytes are counted where they are stored.",
)
