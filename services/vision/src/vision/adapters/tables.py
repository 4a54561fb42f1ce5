"""The service's own tables; every one has a tenant, and PostgreSQL lets nobody see another's rows."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Double, Index, Integer, MetaData, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["cancellations", "overlays", "requests", "scenes", "videos"]

_metadata = MetaData()

videos = Table(
    "videos",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("video_id", Uuid, primary_key=True),
    Column("ingested", JSONB),
    Column("erased", Boolean, nullable=False, server_default="false"),
    Column("heard_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="Videos that may be looked at, as ingest announced them; an erased one keeps its id alone.",
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
    comment="Runs of jobs that want scenes or marks.",
)

cancellations = Table(
    "cancellations",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("cancelled_at", DateTime(timezone=True), nullable=False),
    comment="Jobs cancelled, for the request that may arrive after its cancellation.",
)

scenes = Table(
    "scenes",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("video_id", Uuid, nullable=False),
    Column("start_frame", BigInteger, nullable=False),
    Column("end_frame", BigInteger, nullable=False),
    Column("start_s", Double, nullable=False),
    Column("end_s", Double, nullable=False),
    Column("transition", Text, nullable=False),
    Column("score", Double, nullable=False),
    Index("scenes_video", "tenant_id", "video_id"),
    comment="The shots of a video, one row each; together a run's rows cover every frame once.",
)

overlays = Table(
    "overlays",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("video_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text),
    Column("start_s", Double, nullable=False),
    Column("end_s", Double, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("moving", Boolean, nullable=False),
    Column("box", JSONB, nullable=False),
    Index("overlays_video", "tenant_id", "video_id"),
    comment="Marks laid over a video, one row for each stretch of time; the way of a moving one is in the blob.",
)
