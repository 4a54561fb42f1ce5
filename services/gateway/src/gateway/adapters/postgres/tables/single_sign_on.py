"""Who else says who somebody is, and sign-ins under way."""

from sqlalchemy import Boolean, Column, DateTime, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gateway.adapters.postgres.tables._columns import METADATA, created, tenant

__all__ = ["external_identities", "identity_providers", "sign_in_flows"]

identity_providers = Table(
    "identity_providers",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("name", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("sealed_secret", LargeBinary),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("groups_claim", Text, nullable=False),
    Column("group_roles", JSONB, nullable=False),
    Column("default_role", Text),
    Column("email_domains", ARRAY(Text), nullable=False),
    Column("return_urls", ARRAY(Text), nullable=False),
    Column("owners", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    created(),
)

external_identities = Table(
    "external_identities",
    METADATA,
    Column("provider_id", Uuid, primary_key=True),
    Column("subject", Text, primary_key=True),
    tenant(),
    Column("user_id", Uuid, nullable=False),
    created(),
)

sign_in_flows = Table(
    "sign_in_flows",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("provider_id", Uuid, nullable=False),
    Column("state_hash", Text, nullable=False),
    Column("browser_hash", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("sealed_verifier", LargeBinary, nullable=False),
    Column("return_url", Text, nullable=False),
    Column("client_state", Text, nullable=False),
    Column("challenge", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("came_back_at", DateTime(timezone=True)),
    Column("user_id", Uuid),
    Column("code_hash", Text),
    Column("spent_at", DateTime(timezone=True)),
    Column("session_id", Uuid),
    created(),
)
