"""The service's own tables; every one has a tenant, and PostgreSQL lets nobody see another's rows."""

from sqlalchemy import Boolean, Column, DateTime, Float, Index, Integer, MetaData, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["alignments", "cancellations", "lines", "requests", "reviews", "revisions", "scripts", "steps", "videos"]

_metadata = MetaData()


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


scripts = Table(
    "scripts",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("script_id", Uuid, primary_key=True),
    Column("submitted", JSONB, nullable=False),
    _now("heard_at"),
    comment="Scripts, as the gateway announced them; their text is in the blob.",
)

videos = Table(
    "videos",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("video_id", Uuid, primary_key=True),
    Column("ingested", JSONB(none_as_null=True)),
    Column("erased", Boolean, nullable=False, server_default="false"),
    _now("heard_at"),
    comment="Videos, as ingest announced them; an erased one keeps its id alone.",
)

requests = Table(
    "requests",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("video_id", Uuid, nullable=False),
    Column("script_id", Uuid, nullable=False),
    Column("request", JSONB, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("waiting", Boolean, nullable=False),
    Index("requests_video", "tenant_id", "video_id"),
    Index("requests_script", "tenant_id", "script_id"),
    comment="Runs of jobs that have a script; those waiting want an alignment that has not begun.",
)

cancellations = Table(
    "cancellations",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("cancelled_at", DateTime(timezone=True), nullable=False),
    comment="Jobs cancelled, for the request that may arrive after its cancellation.",
)

steps = Table(
    "steps",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("video_id", Uuid, nullable=False),
    Column("outcome", JSONB(none_as_null=True)),
    _now("heard_at"),
    Index("steps_video", "tenant_id", "video_id"),
    comment="What became of the steps alignment builds on: the fact that told of the result, or none if it failed.",
)

alignments = Table(
    "alignments",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("video_id", Uuid, nullable=False),
    Column("script_id", Uuid, nullable=False),
    Column("key", Text, nullable=False),
    Column("machine_key", Text, nullable=False),
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("script_matches", Text, nullable=False),
    Column("coverage", Float, nullable=False),
    Column("ad_libs", JSONB, nullable=False),
    Column("engine", Text, nullable=False),
    _now("finished_at"),
    Index("alignments_video", "tenant_id", "video_id"),
    comment="Alignments that are ready; the whole ledger is in the blob.",
)

lines = Table(
    "lines",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("video_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("takes", JSONB, nullable=False),
    Index("lines_video", "tenant_id", "video_id"),
    comment="The spoken lines of an alignment, with their takes; the words are in the blob.",
)

reviews = Table(
    "reviews",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("video_id", Uuid, primary_key=True),
    Column("script_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("correction", JSONB, nullable=False),
    comment="What people say of lines. Kept by video and script, so that no later run overwrites it.",
)

revisions = Table(
    "revisions",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("video_id", Uuid, primary_key=True),
    Column("script_id", Uuid, primary_key=True),
    Column("revision", Integer, primary_key=True),
    _now("heard_at"),
    comment="Which changes have been heard: as long as one is missing, nothing is written again.",
)
