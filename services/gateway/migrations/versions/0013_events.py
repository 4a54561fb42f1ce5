"""The log of events, so that whoever was away is told what it missed.

``position`` is empty until the event's transaction is committed and somebody gives it its place.
"""

import sqlalchemy as sa
from alembic import op

from chassis.database import force_row_level_security

revision = "0013"
down_revision = "0012"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT),
        sa.Column("position", sa.BigInteger),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("job_id", sa.Uuid),
        sa.Column("video_id", sa.Uuid),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_index("events_places", "events", ["tenant_id", "position"], unique=True)
    op.create_index("events_new", "events", ["tenant_id", "seq"], postgresql_where=sa.text("position IS NULL"))
    op.create_index("events_video", "events", ["tenant_id", "video_id"])
    force_row_level_security(op, "events")
    op.create_table(
        "event_heads",
        sa.Column("tenant_id", sa.Uuid, primary_key=True, server_default=_TENANT),
        sa.Column("last", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("forgotten", sa.BigInteger, nullable=False, server_default="0"),
    )
    force_row_level_security(op, "event_heads")
