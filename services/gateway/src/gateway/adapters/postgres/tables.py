"""The gateway's tables, as the newest migration leaves them.

``tenant_id`` is filled in by the database from the tenant of the transaction: nothing here can name another one.
"""

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB

__all__ = [
    "TENANT",
    "idempotency_keys",
    "job_counts",
    "jobs",
    "refresh_tokens",
    "scripts",
    "signing_keys",
    "tenants",
    "uploads",
    "users",
    "videos",
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
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
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
    Column("private_pem", Text, nullable=False),
    _created(),
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
