"""The service's own tables; every one has a tenant, and PostgreSQL lets nobody see another's rows."""

from sqlalchemy import Boolean, Column, DateTime, Float, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["cancellations", "chunks", "findings", "plans", "requests", "videos"]

_metadata = MetaData()

videos = Table(
    "videos",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("video_id", Uuid, primary_key=True),
    Column("ingested", JSONB),
    Column("erased", Boolean),
)

requests = Table(
    "requests",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("video_id", Uuid),
    Column("request", JSONB),
    Column("asked_at", DateTime(timezone=True)),
    Column("cancelled", Boolean),
)

cancellations = Table(
    "cancellations",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("cancelled_at", DateTime(timezone=True)),
)

plans = Table(
    "plans",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("video_id", Uuid),
    Column("original_key", Text),
    Column("manifest_sha256", Text),
    Column("plan_key", Text),
    Column("frames", Integer),
    Column("chunks", Integer),
    Column("model_sha256", Text),
    Column("seconds", Float),
    Column("chunk_megapixels", Float),
)

chunks = Table(
    "chunks",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("manifest_sha256", Text, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("video_id", Uuid),
    Column("start", Integer),
    Column("end", Integer),
    Column("frames_done", Float),
    Column("key", Text),
    Column("sha256", Text),
    Column("engine", Text),
    Column("machine", Text),
    Column("attempts", Integer),
    Column("seconds", Float),
    Column("setup_sha256", Text),
    Column("pool", Text),
)

findings = Table(
    "findings",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("video_id", Uuid),
    Column("key", Text),
    Column("failed_run", Integer),
)
