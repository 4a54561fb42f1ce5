"""The service's own table; it has a tenant, and PostgreSQL lets nobody see another's rows."""

from sqlalchemy import BigInteger, Column, DateTime, Index, MetaData, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["videos"]

_metadata = MetaData()

videos = Table(
    "videos",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("video_id", Uuid, primary_key=True),
    Column("state", Text, nullable=False),
    Column("filename", Text),
    Column("sha256", Text),
    Column("size_bytes", BigInteger),
    Column("media", JSONB),
    Column("reason", Text),
    Column("detail", Text),
    Column("heard_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("judged_at", DateTime(timezone=True)),
    Index("videos_content", "tenant_id", "sha256"),
    comment="Every video that came: waiting, admitted, rejected or erased. Of an erased one only the id stays.",
)
