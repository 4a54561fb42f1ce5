"""What people say of lines is kept without who says it: the gateway knows, and nobody else needs to."""

from alembic import op

from chassis.database import above_the_walls

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with above_the_walls(op, "reviews"):
        op.execute("UPDATE reviews SET correction = correction - 'by' WHERE correction ? 'by'")


def downgrade() -> None:
    """Who said it is not known here any more."""
