"""The gateway's tables, as the newest migration leaves them.

``tenant_id`` is filled in by the database from the tenant of the transaction: nothing here can name another one.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

__all__ = [
    "TENANT",
    "api_keys",
    "idempotency_keys",
    "job_counts",
    "jobs",
    "refresh_tokens",
    "revocations",
    "scripts",
    "sessions",
    "sign_in_attempts",
    "signing_keys",
    "tenants",
    "uploads",
    "users",
    "videos",
    "webhook_deliveries",
    "webhook_lanes",
    "webhook_queue",
    "webhooks",
]

_metadata = MetaData()
TENANT = text("nullif(current_setting('app.tenant_id', true), '')::uuid")
"""The tenant of the transaction."""


def _tenant(*, primary_key: bool = False) -> Column[object]:
    return Column("tenant_id", Uuid, nullable=False, server_default=TENANT, primary_key=primary_key)


def _created() -> Column[object]:
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now())


tenants = Table("tenants", _metadata, _tenant(primary_key=True), Column("name", Text, nullable=False), _created())

users = Table(
    "users",
    _metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("email", Text, nullable=False),
    Column("password_hash", Text),
    Column("role", Text, nullable=False),
    Column("disabled_at", DateTime(timezone=True)),
    Column("invitation_hash", Text),
    Column("invited_until", DateTime(timezone=True)),
    _created(),
)

sessions = Table(
    "sessions",
    _metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("user_id", Uuid, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("scopes", ARRAY(Text)),
    Column("used_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    _created(),
)

api_keys = Table(
    "api_keys",
    _metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("user_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("key_hash", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    _created(),
)

refresh_tokens = Table(
    "refresh_tokens",
    _metadata,
    Column("token_hash", Text, primary_key=True),
    _tenant(),
    Column("family_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    _created(),
)

signing_keys = Table(
    "signing_keys",
    _metadata,
    Column("kid", Text, primary_key=True),
    Column("sealed_pem", Text, nullable=False),
    Column("public_jwk", JSONB, nullable=False),
    Column("signs_from", DateTime(timezone=True), nullable=False),
    _created(),
)

revocations = Table(
    "revocations",
    _metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("until", DateTime(timezone=True), nullable=False),
    comment="Ended sessions whose access tokens still live; without a wall, since every request asks it.",
)

sign_in_attempts = Table(
    "sign_in_attempts",
    _metadata,
    Column("subject", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("blocked_until", DateTime(timezone=True)),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    comment="Failed sign-ins by a digest of account and address; without a wall, since nobody is known yet.",
)

uploads = Table(
    "uploads",
    _metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("filename", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("expected_bytes", BigInteger),
    Column("expected_sha256", Text),
    Column("key", Text),
    Column("size_bytes", BigInteger),
    Column("sha256", Text),
    _created(),
)

videos = Table(
    "videos",
    _metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("upload_id", Uuid),
    Column("state", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("passthrough", Text),
    Column("keys", JSONB, nullable=False),
    Column("media", JSONB(none_as_null=True)),
    Column("rejection", JSONB(none_as_null=True)),
    _created(),
)

scripts = Table(
    "scripts",
    _metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("filename", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("pending", Boolean, nullable=False, server_default=false()),
    _created(),
)

jobs = Table(
    "jobs",
    _metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("video_id", Uuid, nullable=False),
    Column("script_id", Uuid),
    Column("run", Integer, nullable=False),
    Column("priority", Text, nullable=False),
    Column("options", JSONB, nullable=False),
    Column("passthrough", Text),
    Column("steps", JSONB, nullable=False),
    Column("results", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    _created(),
)

job_counts = Table(
    "job_counts",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("unfinished", BigInteger, nullable=False),
    comment="Kept by a trigger on jobs; without a wall, for the bound over all tenants.",
)

idempotency_keys = Table(
    "idempotency_keys",
    _metadata,
    _tenant(primary_key=True),
    Column("user_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("status", Integer),
    Column("body", LargeBinary),
    _created(),
)

webhooks = Table(
    "webhooks",
    _metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("url", Text, nullable=False),
    Column("events", ARRAY(Text), nullable=False),
    Column("description", Text),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_reason", Text),
    Column("failing_since", DateTime(timezone=True)),
    Column("keys", JSONB, nullable=False),
    _created(),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    _metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("webhook_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("video_id", Uuid),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("status", Integer),
    Column("error", Text),
    Column("seconds", Float),
    Column("attempted_at", DateTime(timezone=True)),
    Column("next_attempt_at", DateTime(timezone=True)),
    _created(),
)

webhook_queue = Table(
    "webhook_queue",
    _metadata,
    Column("delivery_id", Uuid, primary_key=True),
    _tenant(),
    Column("webhook_id", Uuid, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("leased_until", DateTime(timezone=True)),
    Column("token", BigInteger, nullable=False, server_default=text("0")),
    comment="A row for each pending delivery. The courier sees those of all tenants (see migration 0005).",
)

webhook_lanes = Table(
    "webhook_lanes",
    _metadata,
    Column("webhook_id", Uuid, primary_key=True),
    _tenant(),
    Column("failing", Boolean, nullable=False, server_default=text("false")),
    Column("paused_until", DateTime(timezone=True)),
    comment="How each webhook does, for the courier.",
)
