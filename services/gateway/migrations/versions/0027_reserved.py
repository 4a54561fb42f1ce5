"""Jobs know what was set aside for them of a hard budget."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("reserved", sa.Numeric))
