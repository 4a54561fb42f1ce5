"""The service's own tables; every one has a tenant, and PostgreSQL lets nobody see another's rows."""

from sqlalchemy import Boolean, Column, DateTime, Float, Index, Integer, MetaData, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["cancellations", "pieces", "requests", "transcripts", "videos"]

_metadata = MetaData()


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


videos = Table(
    "videos",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("video_id", Uuid, primary_key=True),
    Column("ingested", JSONB),
    Column("erased", Boolean, nullable=False, server_default="false"),
    _now("heard_at"),
    comment="Videos that may be transcribed, as ingest announced them; an erased one keeps its id alone.",
)

requests = Table(
    "requests",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("video_id", Uuid, nullable=False),
    Column("request", JSONB, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Index("requests_video", "tenant_id", "video_id"),
    comment="Runs of jobs that want a transcript.",
)

cancellations = Table(
    "cancellations",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("cancelled_at", DateTime(timezone=True), nullable=False),
    comment="Jobs cancelled, for the request that may arrive after its cancellation.",
)

transcripts = Table(
    "transcripts",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("video_id", Uuid, nullable=False),
    Column("key", Text, nullable=False),
    Column("language", Text),
    Column("words", Integer, nullable=False),
    Column("engine", Text, nullable=False),
    _now("finished_at"),
    Index("transcripts_video", "tenant_id", "video_id"),
    comment="Transcripts that are ready; the words themselves are in the blob.",
)

pieces = Table(
    "pieces",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("video_id", Uuid, nullable=False),
    Column("length_s", Float, nullable=False),
    Column("heard_s", Float, nullable=False, server_default="0"),
    Column("seconds", Float),
    Index("pieces_video", "tenant_id", "video_id"),
    comment="Into what a long recording is cut, and how far each piece is; what was heard is in blobs.",
)
