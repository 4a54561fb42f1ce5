"""What people say of lines, by what names a line in every run; and the ledger as the machine had it.

Nothing wrote to the table of reviews before, so it is made anew.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import above_the_walls, force_row_level_security

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("reviews")
    op.create_table(
        "reviews",
        *_about(),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("correction", JSONB, nullable=False),
        comment="What people say of lines. Kept by video and script, so that no later run overwrites it.",
    )
    op.create_table(
        "revisions",
        *_about(),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        comment="Which changes have been heard: as long as one is missing, nothing is written again.",
    )
    for table in ("reviews", "revisions"):
        force_row_level_security(op, table)
    op.add_column("alignments", sa.Column("machine_key", sa.Text))
    with above_the_walls(op, "alignments"):
        op.execute("UPDATE alignments SET machine_key = key")
    op.alter_column("alignments", "machine_key", nullable=False)
    op.add_column("alignments", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))


def _about() -> tuple[sa.Column[object], ...]:
    return tuple(sa.Column(name, sa.Uuid, primary_key=True) for name in ("tenant_id", "video_id", "script_id"))


def downgrade() -> None:
    op.drop_column("alignments", "revision")
    op.drop_column("alignments", "machine_key")
    op.drop_table("revisions")
    op.drop_table("reviews")
    op.create_table(
        "reviews",
        *_about(),
        sa.Column("line_id", sa.Text, primary_key=True),
        sa.Column("review", sa.Text, nullable=False),
        sa.Column("status", sa.Text),
        sa.Column("takes", JSONB),
        sa.Column("reviewer_id", sa.Uuid),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    force_row_level_security(op, "reviews")
