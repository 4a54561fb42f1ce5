"""Scripts that are tables know which of their columns holds what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("scripts", sa.Column("columns", JSONB, nullable=False, server_default=sa.text("'{}'")))
