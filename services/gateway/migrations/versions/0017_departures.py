"""Tenants that were erased and whose audit is kept; what a first answer speaks of; how often events were erased."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import above_the_walls

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(  # no tenant's: an id alone, for whoever looks after what is left
        "departed_tenants",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("departed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    with above_the_walls(op, "erasures", "tenants"):
        op.execute(
            """
            INSERT INTO departed_tenants (tenant_id)
            SELECT DISTINCT tenant_id FROM erasures
            WHERE kind = 'tenant' AND tenant_id NOT IN (SELECT tenant_id FROM tenants)
            """
        )
    op.add_column("idempotency_keys", sa.Column("about", ARRAY(sa.Uuid)))
    op.add_column("event_heads", sa.Column("erased", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("CREATE INDEX erasures_running_anywhere ON erasures (requested_at) WHERE state = 'running'")
