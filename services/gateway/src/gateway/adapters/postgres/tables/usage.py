"""What was used, what it cost, how long it took, and how much a tenant may have."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Float, Integer, Numeric, Table, Text, Uuid, false

from gateway.adapters.postgres.tables._columns import METADATA, created, tenant

__all__ = ["budgets", "storage_counts", "storage_days", "tenant_quotas", "usage_entries", "work_samples"]

usage_entries = Table(
    "usage_entries",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("key", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("kind", Text, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("price", Numeric),
    Column("currency", Text),
    Column("video_id", Uuid),
    Column("job_id", Uuid),
    Column("variant", Text, nullable=False),
    Column("pace", Float),
    created(),
    comment="What was counted, each thing once (by key), at the price of its day. Pace: seconds for a unit of work.",
)

work_samples = Table(
    "work_samples",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("variant", Text, nullable=False),
    Column("pace", Float, nullable=False),
    comment="How fast recent work was, of whomever; without a wall, for estimates, and without a word about whose.",
)

storage_counts = Table(
    "storage_counts",
    METADATA,
    tenant(primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    comment="Kept by triggers on uploads, videos and scripts; locked by whoever stores something, until the commit.",
)

storage_days = Table(
    "storage_days",
    METADATA,
    tenant(primary_key=True),
    Column("day", Date, primary_key=True),
    Column("byte_seconds", Numeric, nullable=False),
    comment="What was stored on each day (UTC), up to the last change; kept by the same triggers.",
)

tenant_quotas = Table(
    "tenant_quotas",
    METADATA,
    tenant(primary_key=True),
    Column("jobs", BigInteger),
    Column("storage_bytes", BigInteger),
    Column("video_minutes", BigInteger),
    comment="What the operator set for one tenant. NULL: as for all; -1: no bound.",
)

budgets = Table(
    "budgets",
    METADATA,
    tenant(primary_key=True),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("hard", Boolean, nullable=False),
    Column("told_month", Date),
    Column("told_percent", Integer, nullable=False),
    Column("told_spent", Boolean, nullable=False, server_default=false()),
)
