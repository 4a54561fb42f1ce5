"""The videos that came, and what became of them.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import create_plumbing, force_row_level_security

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_plumbing(op)
    op.create_table(
        "videos",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("video_id", sa.Uuid, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("filename", sa.Text),
        sa.Column("sha256", sa.Text),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("media", JSONB),
        sa.Column("reason", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("judged_at", sa.DateTime(timezone=True)),
        sa.Index("videos_content", "tenant_id", "sha256"),
        comment="Every video that came: waiting, admitted, rejected or erased. Of an erased one only the id stays.",
    )
    force_row_level_security(op, "videos")


def downgrade() -> None:
    for table in ("videos", "tasks", "outbox", "inbox"):
        op.drop_table(table)
