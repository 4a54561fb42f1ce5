"""How many jobs each tenant has unfinished, kept by the database itself; and a door for the sweep of what is left over.

The counts have no wall: the bound over all tenants needs their sum, and they say nothing of what the jobs are. They are
kept by a trigger, so that no way of ending or retrying a job can forget them.
"""

import sqlalchemy as sa
from alembic import op

from chassis.database import above_the_walls

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _count_jobs()
    _open_the_door_for_the_sweep()


def _count_jobs() -> None:
    op.create_table(
        "job_counts",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("unfinished", sa.BigInteger, nullable=False),
    )
    with above_the_walls(op, "jobs"):
        op.execute(
            "INSERT INTO job_counts SELECT tenant_id, count(*) FROM jobs WHERE finished_at IS NULL GROUP BY tenant_id"
        )
    op.execute(
        """
        CREATE FUNCTION count_job() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        DECLARE
            change bigint := 0;
        BEGIN
            IF TG_OP <> 'INSERT' AND OLD.finished_at IS NULL THEN change := change - 1; END IF;
            IF TG_OP <> 'DELETE' AND NEW.finished_at IS NULL THEN change := change + 1; END IF;
            IF change <> 0 THEN
                INSERT INTO job_counts AS known VALUES (coalesce(NEW.tenant_id, OLD.tenant_id), change)
                ON CONFLICT (tenant_id) DO UPDATE SET unfinished = known.unfinished + change;
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER count_job AFTER INSERT OR DELETE OR UPDATE OF finished_at ON jobs"
        " FOR EACH ROW EXECUTE FUNCTION count_job()"
    )


def _open_the_door_for_the_sweep() -> None:
    """Show a transaction that says it sweeps who the tenants are. It then works for one at a time, behind the wall."""
    op.execute(
        "CREATE POLICY listed_for_the_sweep ON tenants FOR SELECT"
        " USING (current_setting('gateway.sweep', true) = 'tenants')"
    )
    op.create_index(
        "uploads_unused", "uploads", ["tenant_id", "created_at"], postgresql_where=sa.text("state <> 'used'")
    )
    op.create_index("idempotency_keys_oldest", "idempotency_keys", ["tenant_id", "created_at"])
