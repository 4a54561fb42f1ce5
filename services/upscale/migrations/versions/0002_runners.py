"""Machines that come and go, what is offered to them, and what they hold.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.database import force_row_level_security

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_LIVE = sa.text("state in ('claimed', 'working', 'uploaded')")


def upgrade() -> None:
    op.create_table(
        "runners",
        sa.Column("runner_id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("labels", ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("token_sha256", sa.Text, nullable=False),
        sa.Column("secret_sha256", sa.Text),
        sa.Column("former_sha256", sa.Text),
        sa.Column("former_until", sa.DateTime(timezone=True)),
        sa.Column("rotate", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("ephemeral", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("machine", sa.Text, nullable=False, server_default=""),
        sa.Column("capabilities", JSONB, nullable=False, server_default="{}"),
        sa.Column("models", ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("registered_at", sa.DateTime(timezone=True)),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
        sa.Column("online", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("quarantined", sa.Text),
        sa.Column("revoked", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("chunks_done", sa.Integer, nullable=False, server_default="0"),
        sa.Index("runners_tenant", "tenant_id"),
        sa.Index("runners_online", "seen_at", postgresql_where=sa.text("online")),
        comment="Machines that were invited, and what they said of themselves. No wall: see the decision on runners.",
    )
    op.create_table(
        "offers",
        sa.Column("chunk_id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("job_id", sa.Uuid, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("manifest_sha256", sa.Text, nullable=False),
        sa.Column("index", sa.Integer, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("model_sha256", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("start_s", sa.Float, nullable=False),
        sa.Column("end_s", sa.Float, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="open"),
        sa.Column("token", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failed_on", ARRAY(sa.Uuid), nullable=False, server_default="{}"),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("detail", sa.Text, nullable=False, server_default=""),
        sa.Column("paused", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("pool_after", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("job_id", "run", "index", "tenant_id"),
        sa.Index("offers_open", "created_at", postgresql_where=sa.text("state = 'open'")),
        sa.Index("offers_tenant", "tenant_id"),
        comment="Chunks that runners may take: ids and numbers, nothing of the films. No wall, as tasks have none.",
    )
    op.create_table(
        "leases",
        sa.Column("chunk_id", sa.Uuid, sa.ForeignKey("offers.chunk_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("token", sa.BigInteger, primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("runner_id", sa.Uuid, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("output_key", sa.Text, nullable=False),
        sa.Column("frames_done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("report", JSONB, nullable=False, server_default="{}"),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Index("leases_live", "lease_until", postgresql_where=_LIVE),
        sa.Index("leases_runner", "runner_id", postgresql_where=_LIVE),
        comment="Who holds or held which chunk. The token fences: what comes under an older one changes nothing.",
    )
    op.create_table(
        "budgets",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("spent", sa.Boolean, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        comment="Tenants that have said how their budget is; one that is not here may spend.",
    )
    force_row_level_security(op, "budgets")
    op.add_column("chunks", sa.Column("setup_sha256", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("chunks", "setup_sha256")
    for table in ("budgets", "leases", "offers", "runners"):
        op.drop_table(table)
