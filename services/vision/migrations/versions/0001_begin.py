"""Videos, the jobs that want them looked at, and what was seen.

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
        comment="Videos that may be looked at, as ingest announced them; an erased one keeps its id alone.",
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
        comment="Runs of jobs that want scenes or marks.",
    )
    op.create_table(
        "cancellations",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=False),
        comment="Jobs cancelled, for the request that may arrive after its cancellation.",
    )
    op.create_table(
        "scenes",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("start_frame", sa.BigInteger, nullable=False),
        sa.Column("end_frame", sa.BigInteger, nullable=False),
        sa.Column("start_s", sa.Double, nullable=False),
        sa.Column("end_s", sa.Double, nullable=False),
        sa.Column("transition", sa.Text, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Index("scenes_video", "tenant_id", "video_id"),
        comment="The shots of a video, one row each; together a run's rows cover every frame once.",
    )
    op.create_table(
        "overlays",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("start_s", sa.Double, nullable=False),
        sa.Column("end_s", sa.Double, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("moving", sa.Boolean, nullable=False),
        sa.Column("box", JSONB, nullable=False),
        sa.Index("overlays_video", "tenant_id", "video_id"),
        comment="Marks laid over a video, one row for each stretch of time; the way of a moving one is in the blob.",
    )
    for table in ("videos", "requests", "cancellations", "scenes", "overlays"):
        force_row_level_security(op, table)


def downgrade() -> None:
    for table in ("overlays", "scenes", "cancellations", "requests", "videos", "tasks", "outbox", "inbox"):
        op.drop_table(table)
