"""Signing in by a studio's identity provider: who it is, who came by it, and sign-ins under way."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.database import force_row_level_security

revision = "0014"
down_revision = "0013"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    op.add_column("users", sa.Column("came_by_provider", sa.Boolean, nullable=False, server_default=sa.false()))
    _create_providers()
    _create_flows()


def _tenant() -> sa.Column[object]:
    return sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT)


def _created() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def _provider(*, primary_key: bool = False) -> sa.Column[object]:
    parent = sa.ForeignKey("identity_providers.id", ondelete="CASCADE")
    return sa.Column("provider_id", sa.Uuid, parent, nullable=False, primary_key=primary_key)


def _user(*, nullable: bool = False) -> sa.Column[object]:
    return sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=nullable)


def _create_providers() -> None:
    op.create_table(
        "identity_providers",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary),
        sa.Column("scopes", ARRAY(sa.Text), nullable=False),
        sa.Column("groups_claim", sa.Text, nullable=False),
        sa.Column("group_roles", JSONB, nullable=False),
        sa.Column("default_role", sa.Text),
        sa.Column("email_domains", ARRAY(sa.Text), nullable=False),
        sa.Column("return_urls", ARRAY(sa.Text), nullable=False),
        sa.Column("owners", sa.Boolean, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        _created(),
    )
    op.create_index("identity_providers_newest", "identity_providers", ["tenant_id", "id"])
    op.create_table(
        "external_identities",
        _provider(primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        _tenant(),
        _user(),
        _created(),
    )
    op.create_index("external_identities_user", "external_identities", ["user_id"])
    force_row_level_security(op, "identity_providers")
    force_row_level_security(op, "external_identities")


def _create_flows() -> None:
    op.create_table(
        "sign_in_flows",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant(),
        _provider(),
        sa.Column("state_hash", sa.Text, nullable=False, unique=True),
        sa.Column("browser_hash", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("sealed_verifier", sa.LargeBinary, nullable=False),
        sa.Column("return_url", sa.Text, nullable=False),
        sa.Column("client_state", sa.Text, nullable=False),
        sa.Column("challenge", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("came_back_at", sa.DateTime(timezone=True)),
        _user(nullable=True),
        sa.Column("code_hash", sa.Text, unique=True),
        _created(),
    )
    op.create_index("sign_in_flows_over", "sign_in_flows", ["tenant_id", "expires_at"])
    force_row_level_security(op, "sign_in_flows")
