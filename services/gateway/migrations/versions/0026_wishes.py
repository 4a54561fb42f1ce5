"""What people told a runner: to work, to hold still, to hand back what it has and go."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("runners", sa.Column("wish", sa.Text, nullable=False, server_default="work"))
