"""Sessions that can be ended, API keys, invitations, sealed signing keys, and a memory of failed sign-ins.

Signing keys lay open in the database before: they are thrown away, and with them what was signed in. Everybody signs in
once more after this.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.database import force_row_level_security

revision = "0003"
down_revision = "0002"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    op.execute("TRUNCATE signing_keys, refresh_tokens")
    _seal_signing_keys()
    _create_sessions()
    _extend_users()
    _create_api_keys()
    _create_what_no_tenant_owns()


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    default = None if nullable else sa.func.now()
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)


def _of_a_user(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
        *columns,
        _time("created_at", nullable=False),
    )
    force_row_level_security(op, name)
    op.create_index(f"{name}_newest", name, ["tenant_id", "id"])


def _seal_signing_keys() -> None:
    op.drop_column("signing_keys", "private_pem")
    op.add_column("signing_keys", sa.Column("sealed_pem", sa.Text, nullable=False))
    op.add_column("signing_keys", sa.Column("public_jwk", JSONB, nullable=False))
    op.add_column("signing_keys", _time("signs_from", nullable=False))


def _create_sessions() -> None:
    _of_a_user(
        "sessions",
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("scopes", ARRAY(sa.Text)),
        _time("used_at", nullable=False),
        _time("expires_at", nullable=False),
        _time("ended_at"),
    )
    op.create_foreign_key(
        "refresh_tokens_family", "refresh_tokens", "sessions", ["family_id"], ["id"], ondelete="CASCADE"
    )


def _extend_users() -> None:
    op.alter_column("users", "password_hash", nullable=True)
    op.add_column("users", _time("disabled_at"))
    op.add_column("users", sa.Column("invitation_hash", sa.Text, unique=True))
    op.add_column("users", _time("invited_until"))
    op.create_index("users_newest", "users", ["tenant_id", "id"])


def _create_api_keys() -> None:
    _of_a_user(
        "api_keys",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("key_hash", sa.Text, nullable=False, unique=True),
        sa.Column("scopes", ARRAY(sa.Text), nullable=False),
        _time("expires_at"),
        _time("used_at"),
        _time("revoked_at"),
    )


def _create_what_no_tenant_owns() -> None:
    """Both are asked before anybody knows whose they are, and hold nothing but digests and ids."""
    op.create_table(
        "revocations",
        sa.Column("session_id", sa.Uuid, primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, index=True),
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        _time("blocked_until"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now(), index=True),
    )
