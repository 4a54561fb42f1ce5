"""A door for whoever counts the erasures that are not concluded, of all tenants: it shows those and no others."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute(
        "CREATE POLICY counted_while_running ON erasures FOR SELECT"
        " USING (state = 'running' AND current_setting('gateway.sweep', true) = 'erasures')"
    )
