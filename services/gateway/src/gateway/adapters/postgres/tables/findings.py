"""What jobs found, what people say of it, and reference pictures."""

from sqlalchemy import BigInteger, Column, DateTime, Float, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from gateway.adapters.postgres.tables._columns import METADATA, created, tenant

__all__ = ["corrections", "findings", "ledger_revisions", "logos"]

findings = Table(
    "findings",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("kind", Text, nullable=False),
    Column("job_id", Uuid, nullable=False),
    Column("video_id", Uuid, nullable=False),
    Column("script_id", Uuid),
    Column("run", Integer, nullable=False),
    Column("engine", Text, nullable=False),
    Column("model_sha256", Text),
    Column("seconds", Float, nullable=False),
    Column("key", Text, nullable=False),
    Column("summary", JSONB, nullable=False),
    Column("files", JSONB, nullable=False),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Column("deleted_at", DateTime(timezone=True)),
    Column("erasure_id", Uuid),
    created(),
)

corrections = Table(
    "corrections",
    METADATA,
    tenant(primary_key=True),
    Column("video_id", Uuid, primary_key=True),
    Column("script_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("correction", JSONB, nullable=False),
    comment="What people say of lines, as it holds now.",
)

ledger_revisions = Table(
    "ledger_revisions",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("video_id", Uuid, nullable=False),
    Column("script_id", Uuid, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("undoes", Integer),
    Column("user_id", Uuid, nullable=False),
    Column("changes", JSONB, nullable=False),
    created(),
    comment="Who changed what when; never changed itself.",
)

logos = Table(
    "logos",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("name", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("key", Text, nullable=False),
    created(),
)
