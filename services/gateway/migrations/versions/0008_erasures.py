"""Erasures with what every service answered, and the keys that verify their receipts; and retention by tenant."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.database import force_row_level_security

revision = "0008"
down_revision = "0007"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Uuid, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", JSONB, nullable=False),
        sa.Column("places", ARRAY(sa.Text), nullable=False),
        sa.Column("job_ids", ARRAY(sa.Uuid), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
        sa.Column("receipt", sa.Text),
        sa.Column("token_hash", sa.Text, unique=True),
    )
    force_row_level_security(op, "erasures")
    op.create_index("erasures_newest", "erasures", ["tenant_id", "id"])
    op.create_index("erasures_subject", "erasures", ["tenant_id", "subject_id"])
    op.create_index(
        "erasures_running", "erasures", ["tenant_id", "asked_at"], postgresql_where=sa.text("state = 'running'")
    )
    op.create_table(
        "erasure_answers",
        sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT),
        sa.Column("erasure_id", sa.Uuid, sa.ForeignKey("erasures.id"), primary_key=True),
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("rows", JSONB, nullable=False),
        sa.Column("blobs", JSONB, nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
    )
    force_row_level_security(op, "erasure_answers")
    op.create_table(  # no tenant's: whoever holds a receipt may verify it
        "receipt_keys",
        sa.Column("kid", sa.Text, primary_key=True),
        sa.Column("public_jwk", JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
