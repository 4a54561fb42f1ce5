"""Uploads in pieces and from elsewhere: how far they are, and why they came to nothing.

Bytes are counted where they are stored; here is what was said about them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.database import force_row_level_security

revision = "0012"
down_revision = "0011"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    op.add_column("uploads", sa.Column("failure", JSONB))
    op.create_table(
        "transfers",
        sa.Column("upload_id", sa.Uuid, sa.ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("length", sa.BigInteger),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("parts", ARRAY(sa.Uuid), nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("validator", sa.Text),
        sa.Column("writer", sa.Uuid),
    )
    force_row_level_security(op, "transfers")
