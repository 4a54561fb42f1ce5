"""Who signs in, and what proves it."""

from sqlalchemy import Boolean, Column, DateTime, Integer, LargeBinary, Table, Text, Uuid, false, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gateway.adapters.postgres.tables._columns import METADATA, created, tenant

__all__ = [
    "api_keys",
    "departed_tenants",
    "idempotency_keys",
    "refresh_tokens",
    "revocations",
    "sessions",
    "sign_in_attempts",
    "signing_keys",
    "tenants",
    "users",
]

departed_tenants = Table(
    "departed_tenants",
    METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("departed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="Erased, and something of theirs is still kept; without a wall, for whoever looks after that.",
)

tenants = Table("tenants", METADATA, tenant(primary_key=True), Column("name", Text, nullable=False), created())

users = Table(
    "users",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("email", Text, nullable=False),
    Column("password_hash", Text),
    Column("role", Text, nullable=False),
    Column("disabled_at", DateTime(timezone=True)),
    Column("invitation_hash", Text),
    Column("invited_until", DateTime(timezone=True)),
    Column("invited_by", Uuid),
    Column("came_by_provider", Boolean, nullable=False, server_default=false()),
    created(),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("user_id", Uuid, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("scopes", ARRAY(Text)),
    Column("used_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    created(),
)

api_keys = Table(
    "api_keys",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("user_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("key_hash", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    created(),
)

refresh_tokens = Table(
    "refresh_tokens",
    METADATA,
    Column("token_hash", Text, primary_key=True),
    tenant(),
    Column("family_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    created(),
)

signing_keys = Table(
    "signing_keys",
    METADATA,
    Column("kid", Text, primary_key=True),
    Column("sealed_pem", Text, nullable=False),
    Column("public_jwk", JSONB, nullable=False),
    Column("signs_from", DateTime(timezone=True), nullable=False),
    created(),
)

revocations = Table(
    "revocations",
    METADATA,
    Column("session_id", Uuid, primary_key=True),
    Column("until", DateTime(timezone=True), nullable=False),
    comment="Ended sessions whose access tokens still live; without a wall, since every request asks it.",
)

sign_in_attempts = Table(
    "sign_in_attempts",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("blocked_until", DateTime(timezone=True)),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    comment="Failed sign-ins by a digest of account and address; without a wall, since nobody is known yet.",
)

idempotency_keys = Table(
    "idempotency_keys",
    METADATA,
    tenant(primary_key=True),
    Column("user_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("status", Integer),
    Column("body", LargeBinary),
    Column("about", ARRAY(Uuid), comment="Ids in a sealed answer, which cannot be searched."),
    created(),
)
