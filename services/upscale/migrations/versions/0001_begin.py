"""Videos, the jobs that want them upscaled, the plans made for those, and their chunks.

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
        comment="Videos that may be upscaled, as ingest announced them; an erased one keeps its id alone.",
    )
    op.create_table(
        "requests",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("request", JSONB, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False, server_default="false"),
        sa.Index("requests_video", "tenant_id", "video_id"),
        comment="Runs of jobs that want a video upscaled.",
    )
    op.create_table(
        "cancellations",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=False),
        comment="Jobs cancelled, for the request that may arrive after its cancellation.",
    )
    op.create_table(
        "plans",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("original_key", sa.Text, nullable=False),
        sa.Column("manifest_sha256", sa.Text, nullable=False),
        sa.Column("plan_key", sa.Text, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("model_sha256", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Index("plans_video", "tenant_id", "video_id"),
        comment="What each run makes; the frames and parameters are in the blob.",
    )
    op.create_table(
        "chunks",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("manifest_sha256", sa.Text, primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("frames_done", sa.Float, nullable=False, server_default="0"),
        sa.Column("key", sa.Text),
        sa.Column("sha256", sa.Text, nullable=False, server_default=""),
        sa.Column("engine", sa.Text, nullable=False, server_default=""),
        sa.Column("machine", sa.Text, nullable=False, server_default=""),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
        sa.Index("chunks_video", "tenant_id", "video_id"),
        comment="Chunks by manifest, so that a later run of the job finds what is made already; a key means made.",
    )
    for table in ("videos", "requests", "cancellations", "plans", "chunks"):
        force_row_level_security(op, table)


def downgrade() -> None:
    for table in ("chunks", "plans", "cancellations", "requests", "videos", "tasks", "outbox", "inbox"):
        op.drop_table(table)
