"""Codes of sign-ins by a provider that are spent are remembered for a day, with the session they began."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("sign_in_flows", sa.Column("spent_at", sa.DateTime(timezone=True)))
    op.add_column("sign_in_flows", sa.Column("session_id", sa.Uuid))
