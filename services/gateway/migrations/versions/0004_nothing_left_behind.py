"""Scripts are announced before their text is stored; and jobs are counted when everything else is done.

A text whose script was never recorded, for its process died in between, had no row that spoke of it. And who counted a
job held the tenant's count until its transaction ended, while it waited for other jobs: two such could wait for each
other.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("scripts", sa.Column("pending", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("scripts_pending", "scripts", ["tenant_id", "created_at"], postgresql_where=sa.text("pending"))
    op.execute("DROP TRIGGER count_job ON jobs")
    op.execute(
        "CREATE CONSTRAINT TRIGGER count_job AFTER INSERT OR DELETE OR UPDATE OF finished_at ON jobs"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_job()"
    )
