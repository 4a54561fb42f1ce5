"""Webhooks, what they were sent, and the queue of what is due; and a door for the courier who serves all tenants.

The courier sees the queue and how each webhook does, which are ids and times. Addresses, keys and messages stay behind
the wall: it reads those as one tenant at a time.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.database import force_row_level_security

revision = "0005"
down_revision = "0004"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    _create_webhooks()
    _create_deliveries()
    _create_queue()
    _open_the_door_for_the_courier()


def _tenant() -> sa.Column[object]:
    return sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT)


def _created() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def _webhook(*, primary_key: bool = False) -> sa.Column[object]:
    parent = sa.ForeignKey("webhooks.id", ondelete="CASCADE")
    return sa.Column("webhook_id", sa.Uuid, parent, nullable=False, primary_key=primary_key)


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant(),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("events", ARRAY(sa.Text), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("disabled_reason", sa.Text),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("keys", JSONB, nullable=False),
        _created(),
        sa.UniqueConstraint("tenant_id", "url", "events", name="webhooks_same"),
    )
    op.create_index("webhooks_newest", "webhooks", ["tenant_id", "id"])
    force_row_level_security(op, "webhooks")


def _create_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant(),
        _webhook(),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("video_id", sa.Uuid),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
        sa.Column("seconds", sa.Float),
        sa.Column("attempted_at", sa.DateTime(timezone=True)),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True)),
        _created(),
    )
    op.create_index("webhook_deliveries_newest", "webhook_deliveries", ["webhook_id", "id"])
    op.create_index("webhook_deliveries_state", "webhook_deliveries", ["webhook_id", "state", "id"])
    op.create_index("webhook_deliveries_video", "webhook_deliveries", ["tenant_id", "video_id"])
    op.create_index(
        "webhook_deliveries_over",
        "webhook_deliveries",
        ["tenant_id", "created_at"],
        postgresql_where=sa.text("state <> 'pending'"),
    )
    force_row_level_security(op, "webhook_deliveries")


def _create_queue() -> None:
    delivery = sa.ForeignKey("webhook_deliveries.id", ondelete="CASCADE")
    op.create_table(
        "webhook_queue",
        sa.Column("delivery_id", sa.Uuid, delivery, primary_key=True),
        _tenant(),
        _webhook(),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("token", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    )
    op.create_index("webhook_queue_due", "webhook_queue", ["webhook_id", "due_at", "delivery_id"])
    op.create_index(
        "webhook_queue_leased",
        "webhook_queue",
        ["webhook_id", "leased_until"],
        postgresql_where=sa.text("leased_until IS NOT NULL"),
    )
    op.create_table(
        "webhook_lanes",
        _webhook(primary_key=True),
        _tenant(),
        sa.Column("failing", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("paused_until", sa.DateTime(timezone=True)),
    )
    force_row_level_security(op, "webhook_queue")
    force_row_level_security(op, "webhook_lanes")


def _open_the_door_for_the_courier() -> None:
    for table in ("webhook_queue", "webhook_lanes"):
        op.execute(
            f"CREATE POLICY seen_by_the_courier ON {table} FOR SELECT"
            " USING (current_setting('gateway.courier', true) = 'yes')"
        )
    open_ = "current_setting('gateway.courier', true) = 'yes'"
    op.execute(f"CREATE POLICY leased_by_the_courier ON webhook_queue FOR UPDATE USING ({open_}) WITH CHECK ({open_})")
