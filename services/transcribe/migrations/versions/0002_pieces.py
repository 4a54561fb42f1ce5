"""The pieces into which a long recording is cut.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

from chassis.database import force_row_level_security

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pieces",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("length_s", sa.Float, nullable=False),
        sa.Column("heard_s", sa.Float, nullable=False, server_default="0"),
        sa.Column("seconds", sa.Float),
        sa.Index("pieces_video", "tenant_id", "video_id"),
        comment="Into what a long recording is cut, and how far each piece is; what was heard is in blobs.",
    )
    force_row_level_security(op, "pieces")


def downgrade() -> None:
    op.drop_table("pieces")
