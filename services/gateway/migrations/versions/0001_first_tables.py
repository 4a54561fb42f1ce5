"""Tenants, users and their keys; uploads, videos, scripts and jobs; and the walls between tenants."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import create_plumbing, force_row_level_security

revision = "0001"
down_revision = None

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    create_plumbing(op)
    _create_people()
    _create_library()
    _create_jobs()
    _open_the_door_for_signing_in()


def _tenant_table(name: str, *columns: sa.schema.SchemaItem, tenant_key: bool = False) -> None:
    tenant: sa.Column[object] = sa.Column(
        "tenant_id", sa.Uuid, nullable=False, server_default=_TENANT, primary_key=tenant_key
    )
    created: sa.Column[object] = sa.Column(
        "created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
    )
    op.create_table(name, tenant, *columns, created)
    force_row_level_security(op, name)


def _create_people() -> None:
    _tenant_table("tenants", sa.Column("name", sa.Text, nullable=False, unique=True), tenant_key=True)
    _tenant_table(
        "users",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("email", sa.Text, sa.CheckConstraint("email = lower(email)"), nullable=False, unique=True),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"]),
    )
    _tenant_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.Text, primary_key=True),
        sa.Column("family_id", sa.Uuid, nullable=False, index=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
    )
    op.create_table(  # no tenant's: the service signs for all of them
        "signing_keys",
        sa.Column("kid", sa.Text, primary_key=True),
        sa.Column("private_pem", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    _tenant_table(
        "idempotency_keys",
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request_hash", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.LargeBinary),
        tenant_key=True,
    )


def _create_library() -> None:
    _tenant_table(
        "uploads",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("expected_bytes", sa.BigInteger),
        sa.Column("expected_sha256", sa.Text),
        sa.Column("key", sa.Text),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("sha256", sa.Text),
    )
    _tenant_table(
        "videos",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("upload_id", sa.Uuid, sa.ForeignKey("uploads.id", ondelete="SET NULL"), unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("passthrough", sa.Text),
        sa.Column("keys", JSONB, nullable=False),
        sa.Column("media", JSONB),
        sa.Column("rejection", JSONB),
    )
    op.create_index("videos_newest", "videos", ["tenant_id", "id"])
    _tenant_table(
        "scripts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
    )
    op.create_index("scripts_newest", "scripts", ["tenant_id", "id"])


def _create_jobs() -> None:
    _tenant_table(
        "jobs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("video_id", sa.Uuid, sa.ForeignKey("videos.id"), nullable=False, index=True),
        sa.Column("script_id", sa.Uuid, sa.ForeignKey("scripts.id")),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("options", JSONB, nullable=False),
        sa.Column("passthrough", sa.Text),
        sa.Column("steps", JSONB, nullable=False),
        sa.Column("results", JSONB, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )
    op.create_index("jobs_newest", "jobs", ["tenant_id", "id"])


def _open_the_door_for_signing_in() -> None:
    """Let a transaction without a tenant see one row whose name it can say, and no other.

    Who signs in names an address and not a tenant. These policies add to the wall a view of exactly the row that
    matches a setting of the transaction; row-level security stays on for everybody.
    """
    for table, column in (("users", "email"), ("tenants", "name")):
        said = f"nullif(current_setting('gateway.{table}_{column}', true), '')"
        op.execute(f"CREATE POLICY found_by_{column} ON {table} FOR SELECT USING ({column} = {said})")
