"""How fast machines are, what an operator wants of a runner, and how long the chunks of a job are.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paces",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("pool", sa.Text, primary_key=True),
        sa.Column("machine", sa.Text, primary_key=True),
        sa.Column("model_sha256", sa.Text, primary_key=True),
        sa.Column("seconds_per_megapixel", sa.Float, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("tile_pixels", sa.Integer),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        comment="Seconds for a megapixel of the result, by kind of machine. No wall: see the decision on runners.",
    )
    op.add_column("runners", sa.Column("wish", sa.Text, nullable=False, server_default="work"))
    op.add_column("offers", sa.Column("frame_megapixels", sa.Float, nullable=False, server_default="0"))
    op.add_column("plans", sa.Column("chunk_megapixels", sa.Float, nullable=False, server_default="0"))
    op.add_column("chunks", sa.Column("pool", sa.Text, nullable=False, server_default=""))
    op.create_index("offers_over", "offers", ["changed_at"], postgresql_where=sa.text("state in ('done', 'withdrawn')"))


def downgrade() -> None:
    op.drop_index("offers_over", "offers")
    op.drop_column("chunks", "pool")
    op.drop_column("plans", "chunk_megapixels")
    op.drop_column("offers", "frame_megapixels")
    op.drop_column("runners", "wish")
    op.drop_table("paces")
