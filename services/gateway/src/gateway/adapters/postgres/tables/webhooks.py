"""Webhooks, and what they are sent."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gateway.adapters.postgres.tables._columns import METADATA, created, tenant

__all__ = ["webhook_deliveries", "webhook_lanes", "webhook_queue", "webhooks"]

webhooks = Table(
    "webhooks",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("url", Text, nullable=False),
    Column("events", ARRAY(Text), nullable=False),
    Column("description", Text),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_reason", Text),
    Column("failing_since", DateTime(timezone=True)),
    Column("keys", JSONB, nullable=False),
    created(),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("webhook_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("video_id", Uuid),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("status", Integer),
    Column("error", Text),
    Column("seconds", Float),
    Column("attempted_at", DateTime(timezone=True)),
    Column("next_attempt_at", DateTime(timezone=True)),
    created(),
)

webhook_queue = Table(
    "webhook_queue",
    METADATA,
    Column("delivery_id", Uuid, primary_key=True),
    tenant(),
    Column("webhook_id", Uuid, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("leased_until", DateTime(timezone=True)),
    Column("token", BigInteger, nullable=False, server_default=text("0")),
    comment="A row for each pending delivery. The courier sees those of all tenants (see migration 0005).",
)

webhook_lanes = Table(
    "webhook_lanes",
    METADATA,
    Column("webhook_id", Uuid, primary_key=True),
    tenant(),
    Column("failing", Boolean, nullable=False, server_default=text("false")),
    Column("paused_until", DateTime(timezone=True)),
    comment="How each webhook does, for the courier.",
)
