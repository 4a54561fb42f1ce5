"""Videos, the jobs that want them heard, and the transcripts made.

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
        sa.Column("ingested", JSONB),
        sa.Column("erased", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        comment="Videos that may be transcribed, as ingest announced them; an erased one keeps its id alone.",
    )
    op.create_table(
        "requests",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("request", JSONB, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Index("requests_video", "tenant_id", "video_id"),
        comment="Runs of jobs that want a transcript.",
    )
    op.create_table(
        "cancellations",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=False),
        comment="Jobs cancelled, for the request that may arrive after its cancellation.",
    )
    op.create_table(
        "transcripts",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("language", sa.Text),
        sa.Column("words", sa.Integer, nullable=False),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Index("transcripts_video", "tenant_id", "video_id"),
        comment="Transcripts that are ready; the words themselves are in the blob.",
    )
    for table in ("videos", "requests", "cancellations", "transcripts"):
        force_row_level_security(op, table)


def downgrade() -> None:
    for table in ("transcripts", "cancellations", "requests", "videos", "tasks", "outbox", "inbox"):
        op.drop_table(table)
