"""What other steps of a job found, for jobs that sharpen chosen scenes or lines.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

from chassis.database import force_row_level_security

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "findings",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("step", sa.Text, primary_key=True),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("failed_run", sa.Integer),
        sa.Index("findings_video", "tenant_id", "video_id"),
        comment="Scenes and ledgers by the job that found them; without a key the step has only failed so far.",
    )
    force_row_level_security(op, "findings")


def downgrade() -> None:
    op.drop_table("findings")
