"""Videos, scripts and jobs."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, FetchedValue, Integer, Numeric, Table, Text, Uuid, false
from sqlalchemy.dialects.postgresql import JSONB

from gateway.adapters.postgres.tables._columns import METADATA, created, tenant

__all__ = ["job_counts", "jobs", "scripts", "uploads", "videos"]

uploads = Table(
    "uploads",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("filename", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("expected_bytes", BigInteger),
    Column("expected_sha256", Text),
    Column("key", Text),
    Column("size_bytes", BigInteger),
    Column("sha256", Text),
    Column("failure", JSONB(none_as_null=True)),
    Column("writer", Uuid),
    created(),
)

videos = Table(
    "videos",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
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
    Column("duplicate_of", Uuid),
    Column("on_duplicate", Text, nullable=False),
    Column("original_deleted_at", DateTime(timezone=True)),
    Column("copies_deleted_at", DateTime(timezone=True)),
    Column("intermediates_deleted_at", DateTime(timezone=True)),
    created(),
)

scripts = Table(
    "scripts",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("filename", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("pending", Boolean, nullable=False, server_default=false()),
    Column("columns", JSONB, nullable=False),
    created(),
)

jobs = Table(
    "jobs",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
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
    Column("reserved", Numeric),
    Column("state", Text, FetchedValue()),  # follows from the steps: the database keeps it
    created(),
)

job_counts = Table(
    "job_counts",
    METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("unfinished", BigInteger, nullable=False),
    comment="Kept by a trigger on jobs; without a wall, for the bound over all tenants.",
)
