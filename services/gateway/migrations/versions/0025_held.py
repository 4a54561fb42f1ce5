"""When parts of videos were deleted, and by which erasure findings were; of one that is deleted its id stays."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    for name in ("copies_deleted_at", "intermediates_deleted_at"):
        op.add_column("videos", sa.Column(name, sa.DateTime(timezone=True)))
    op.add_column("findings", sa.Column("deleted_at", sa.DateTime(timezone=True)))
    op.add_column("findings", sa.Column("erasure_id", sa.Uuid))
    for part in ("copies", "intermediates"):
        op.create_index(
            f"videos_with_{part}",
            "videos",
            ["tenant_id", "created_at"],
            postgresql_where=sa.text(f"state = 'ready' AND {part}_deleted_at IS NULL"),
        )
    op.create_index(
        "findings_held", "findings", ["tenant_id", "created_at"], postgresql_where=sa.text("deleted_at IS NULL")
    )
