"""Videos know the one that had the same bytes first, and what was asked to be done about it."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("videos", sa.Column("duplicate_of", sa.Uuid))
    op.add_column("videos", sa.Column("on_duplicate", sa.Text, nullable=False, server_default="keep"))
    op.create_index("videos_bytes", "videos", ["tenant_id", "sha256"])
