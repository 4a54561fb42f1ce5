"""Erasures, what every service answered, and the keys that verify receipts."""

from sqlalchemy import Column, DateTime, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gateway.adapters.postgres.tables._columns import METADATA, created, tenant

__all__ = ["erasure_answers", "erasures", "receipt_keys"]

erasures = Table(
    "erasures",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("kind", Text, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("rows", JSONB, nullable=False),
    Column("places", ARRAY(Text), nullable=False),
    Column("job_ids", ARRAY(Uuid), nullable=False),
    Column("state", Text, nullable=False),
    Column("completed_at", DateTime(timezone=True)),
    Column("receipt", Text),
    Column("token_hash", Text),
)

erasure_answers = Table(
    "erasure_answers",
    METADATA,
    tenant(),
    Column("erasure_id", Uuid, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("rows", JSONB, nullable=False),
    Column("blobs", JSONB, nullable=False),
    Column("answered_at", DateTime(timezone=True), nullable=False),
)

receipt_keys = Table(
    "receipt_keys",
    METADATA,
    Column("kid", Text, primary_key=True),
    Column("public_jwk", JSONB, nullable=False),
    created(),
    comment="Public halves of keys that signed receipts; without a wall, for whoever holds a receipt may verify it.",
)
