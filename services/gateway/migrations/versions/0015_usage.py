"""What tenants use: counted work, stored bytes, quotas and budgets.

Stored bytes are kept by triggers, so that no way of taking bytes in or letting them go can forget to count them. The
row of a tenant's count is locked by whoever changes it until the commit, so of two who take the last room at once, the
second sees what the first took.
"""

import sqlalchemy as sa
from alembic import op

from chassis.database import above_the_walls, force_row_level_security

revision = "0015"
down_revision = "0014"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    _create_usage()
    _create_quotas()
    _create_storage()
    _count_storage()
    _open_the_door_for_the_watch()


def _tenant(*, primary_key: bool = False) -> sa.Column[object]:
    return sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT, primary_key=primary_key)


def _create_usage() -> None:
    op.create_table(
        "usage_entries",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant(),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("quantity", sa.Numeric, nullable=False),
        sa.Column("price", sa.Numeric),
        sa.Column("currency", sa.Text),
        sa.Column("video_id", sa.Uuid),
        sa.Column("job_id", sa.Uuid),
        sa.Column("variant", sa.Text, nullable=False),
        sa.Column("pace", sa.Float),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("tenant_id", "key", name="usage_entries_once"),
    )
    op.create_index("usage_entries_day", "usage_entries", ["tenant_id", "day", "kind"])
    op.create_index("usage_entries_kind", "usage_entries", ["tenant_id", "kind", "day"])
    op.create_index(
        "usage_entries_pace",
        "usage_entries",
        ["tenant_id", "variant", "id"],
        postgresql_where=sa.text("pace IS NOT NULL"),
    )
    force_row_level_security(op, "usage_entries")
    op.create_table(
        "work_samples",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("variant", sa.Text, nullable=False),
        sa.Column("pace", sa.Float, nullable=False),
    )
    op.create_index("work_samples_newest", "work_samples", ["variant", "id"])


def _create_quotas() -> None:
    op.create_table(
        "tenant_quotas",
        _tenant(primary_key=True),
        sa.Column("jobs", sa.BigInteger),
        sa.Column("storage_bytes", sa.BigInteger),
        sa.Column("video_minutes", sa.BigInteger),
    )
    force_row_level_security(op, "tenant_quotas")
    op.create_table(
        "budgets",
        _tenant(primary_key=True),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("hard", sa.Boolean, nullable=False),
        sa.Column("told_month", sa.Date),
        sa.Column("told_percent", sa.Integer, nullable=False),
    )
    force_row_level_security(op, "budgets")
    op.create_index(
        "videos_coming", "videos", ["tenant_id"], postgresql_where=sa.text("state IN ('importing', 'ingesting')")
    )


def _create_storage() -> None:
    op.create_table(
        "storage_counts",
        _tenant(primary_key=True),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "storage_days",
        _tenant(primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("byte_seconds", sa.Numeric, nullable=False),
    )
    with above_the_walls(op, "uploads", "videos", "scripts", "logos"):
        op.execute(
            """
            INSERT INTO storage_counts (tenant_id, bytes, since)
            SELECT tenant_id, sum(bytes), now() FROM (
                SELECT tenant_id, coalesce(size_bytes, expected_bytes, 0) AS bytes FROM uploads
                WHERE state NOT IN ('used', 'abandoned', 'failed')
                UNION ALL SELECT tenant_id, size_bytes FROM videos
                UNION ALL SELECT tenant_id, size_bytes FROM scripts
                UNION ALL SELECT tenant_id, size_bytes FROM logos) stored
            GROUP BY tenant_id
            """
        )
    force_row_level_security(op, "storage_counts")
    force_row_level_security(op, "storage_days")


def _count_storage() -> None:
    """One function keeps the count and how long it was so, day by day; a trigger on each table says what changed."""
    op.execute(
        """
        CREATE FUNCTION store_bytes(whose uuid, change bigint) RETURNS void LANGUAGE plpgsql
        SET search_path FROM CURRENT AS $$
        DECLARE
            held bigint;
            begun timestamptz;
            moment timestamptz;
        BEGIN
            IF change = 0 THEN RETURN; END IF;
            IF change > 0 THEN
                INSERT INTO storage_counts VALUES (whose, 0, clock_timestamp()) ON CONFLICT DO NOTHING;
            END IF;
            SELECT bytes, since INTO held, begun FROM storage_counts WHERE tenant_id = whose FOR UPDATE;
            IF NOT FOUND THEN RETURN; END IF; -- the tenant is being erased, and its count is gone before its things
            moment := greatest(begun, clock_timestamp());
            INSERT INTO storage_days AS known
            SELECT whose, day::date, held * extract(epoch FROM
                   least(moment AT TIME ZONE 'UTC', day + interval '1 day') - greatest(begun AT TIME ZONE 'UTC', day))
            FROM generate_series(date_trunc('day', begun AT TIME ZONE 'UTC'), moment AT TIME ZONE 'UTC', '1 day') day
            WHERE held <> 0
            ON CONFLICT (tenant_id, day) DO UPDATE SET byte_seconds = known.byte_seconds + excluded.byte_seconds;
            UPDATE storage_counts SET bytes = held + change, since = moment WHERE tenant_id = whose;
        END $$
        """
    )
    # Of an upload that a video uses the video tells the size, from when the bytes are here.
    upload = (
        "CASE WHEN {row}.state IN ('abandoned', 'failed') OR {row}.failure IS NOT NULL"
        " OR ({row}.state = 'used' AND {row}.size_bytes IS NOT NULL) THEN 0"
        " ELSE coalesce({row}.size_bytes, {row}.expected_bytes, 0) END"
    )
    others = ((table, "{row}.size_bytes") for table in ("videos", "scripts", "logos"))
    for table, size in (("uploads", upload), *others):
        op.execute(
            f"""
            CREATE FUNCTION count_{table}_bytes() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
            DECLARE
                change bigint := 0;
            BEGIN
                IF TG_OP <> 'INSERT' THEN change := change - ({size.format(row="OLD")}); END IF;
                IF TG_OP <> 'DELETE' THEN change := change + ({size.format(row="NEW")}); END IF;
                IF TG_OP = 'DELETE' THEN PERFORM store_bytes(OLD.tenant_id, change);
                ELSE PERFORM store_bytes(NEW.tenant_id, change); END IF;
                RETURN NULL;
            END $$
            """
        )
        op.execute(
            f"CREATE TRIGGER count_{table}_bytes AFTER INSERT OR DELETE OR UPDATE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION count_{table}_bytes()"
        )


def _open_the_door_for_the_watch() -> None:
    """Show a transaction that says it watches budgets whose they are. It then works for one tenant at a time."""
    op.execute(
        "CREATE POLICY listed_for_the_watch ON budgets FOR SELECT"
        " USING (current_setting('gateway.sweep', true) = 'budgets')"
    )
    op.execute(
        "CREATE POLICY listed_for_the_watch ON storage_counts FOR SELECT"
        " USING (current_setting('gateway.sweep', true) = 'storage')"
    )
