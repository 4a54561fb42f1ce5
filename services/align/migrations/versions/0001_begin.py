"""Scripts, videos, jobs and their steps, alignments with their lines, and what people said of them.

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

TABLES = ("scripts", "videos", "requests", "cancellations", "steps", "alignments", "lines", "reviews")


def upgrade() -> None:
    create_plumbing(op)
    _create_what_is_heard()
    _create_what_is_made()
    for table in TABLES:
        force_row_level_security(op, table)


def _create_what_is_heard() -> None:
    op.create_table(
        "scripts",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("script_id", sa.Uuid, primary_key=True),
        sa.Column("submitted", JSONB, nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        comment="Scripts, as the gateway announced them; their text is in the blob.",
    )
    op.create_table(
        "videos",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("video_id", sa.Uuid, primary_key=True),
        sa.Column("ingested", JSONB),
        sa.Column("erased", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        comment="Videos, as ingest announced them; an erased one keeps its id alone.",
    )
    op.create_table(
        "requests",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("script_id", sa.Uuid, nullable=False),
        sa.Column("request", JSONB, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waiting", sa.Boolean, nullable=False),
        sa.Index("requests_video", "tenant_id", "video_id"),
        sa.Index("requests_script", "tenant_id", "script_id"),
        comment="Runs of jobs that have a script; those waiting want an alignment that has not begun.",
    )
    op.create_table(
        "cancellations",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=False),
        comment="Jobs cancelled, for the request that may arrive after its cancellation.",
    )
    op.create_table(
        "steps",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("step", sa.Text, primary_key=True),
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("outcome", JSONB),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Index("steps_video", "tenant_id", "video_id"),
        comment="What became of the steps alignment builds on: the fact that told of the result, or none if it failed.",
    )


def _create_what_is_made() -> None:
    op.create_table(
        "alignments",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("script_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("script_matches", sa.Text, nullable=False),
        sa.Column("coverage", sa.Float, nullable=False),
        sa.Column("ad_libs", JSONB, nullable=False),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Index("alignments_video", "tenant_id", "video_id"),
        comment="Alignments that are ready; the whole ledger is in the blob.",
    )
    op.create_table(
        "lines",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("line_id", sa.Text, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("takes", JSONB, nullable=False),
        sa.Index("lines_video", "tenant_id", "video_id"),
        comment="The spoken lines of an alignment, with their takes; the words are in the blob.",
    )
    op.create_table(
        "reviews",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("video_id", sa.Uuid, primary_key=True),
        sa.Column("script_id", sa.Uuid, primary_key=True),
        sa.Column("line_id", sa.Text, primary_key=True),
        sa.Column("review", sa.Text, nullable=False),
        sa.Column("status", sa.Text),
        sa.Column("takes", JSONB),
        sa.Column("reviewer_id", sa.Uuid),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        comment="What people said of lines. Kept by video and script, so that no later run overwrites it.",
    )


def downgrade() -> None:
    for table in (*reversed(TABLES), "tasks", "outbox", "inbox"):
        op.drop_table(table)
