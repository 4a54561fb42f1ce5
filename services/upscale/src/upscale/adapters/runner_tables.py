"""Tables of machines, offers and leases. They have no wall: one shared runner works for many tenants, and a machine
is known before its tenant is. Nobody reads them for a client; what people see of runners is the gateway's, walled.
"""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

__all__ = ["budgets", "leases", "offers", "paces", "runners"]

_metadata = MetaData()

runners = Table(
    "runners",
    _metadata,
    Column("runner_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid),
    Column("scope", Text),
    Column("labels", ARRAY(Text)),
    Column("expires_at", DateTime(timezone=True)),
    Column("name", Text),
    Column("token_sha256", Text),
    Column("secret_sha256", Text),
    Column("former_sha256", Text),
    Column("former_until", DateTime(timezone=True)),
    Column("rotate", Boolean),
    Column("ephemeral", Boolean),
    Column("machine", Text),
    Column("capabilities", JSONB),
    Column("models", ARRAY(Text)),
    Column("registered_at", DateTime(timezone=True)),
    Column("seen_at", DateTime(timezone=True)),
    Column("online", Boolean),
    Column("quarantined", Text),
    Column("revoked", Boolean),
    Column("wish", Text),
    Column("failures", Integer),
    Column("chunks_done", Integer),
)

offers = Table(
    "offers",
    _metadata,
    Column("chunk_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid),
    Column("job_id", Uuid),
    Column("run", Integer),
    Column("video_id", Uuid),
    Column("manifest_sha256", Text),
    Column("index", Integer),
    Column("frames", Integer),
    Column("model_sha256", Text),
    Column("frame_megapixels", Float),
    Column("policy", Text),
    Column("priority", Text),
    Column("start_s", Float),
    Column("end_s", Float),
    Column("state", Text),
    Column("token", BigInteger),
    Column("tries", Integer),
    Column("failed_on", ARRAY(Uuid)),
    Column("reason", Text),
    Column("detail", Text),
    Column("paused", Boolean),
    Column("pool_after", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True)),
    Column("changed_at", DateTime(timezone=True)),
)

leases = Table(
    "leases",
    _metadata,
    Column("chunk_id", Uuid, primary_key=True),
    Column("token", BigInteger, primary_key=True),
    Column("tenant_id", Uuid),
    Column("runner_id", Uuid),
    Column("state", Text),
    Column("lease_until", DateTime(timezone=True)),
    Column("output_key", Text),
    Column("frames_done", Integer),
    Column("report", JSONB),
    Column("claimed_at", DateTime(timezone=True)),
    Column("changed_at", DateTime(timezone=True)),
)

budgets = Table(
    "budgets",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("spent", Boolean),
    Column("told_at", DateTime(timezone=True)),
)

paces = Table(
    "paces",
    _metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("machine", Text, primary_key=True),
    Column("model_sha256", Text, primary_key=True),
    Column("seconds_per_megapixel", Float),
    Column("chunks", Integer),
    Column("tile_pixels", Integer),
    Column("changed_at", DateTime(timezone=True)),
)
