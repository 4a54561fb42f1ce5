"""When a video's original was deleted; from then on it takes no room."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_SIZE = "CASE WHEN {row}.original_deleted_at IS NULL THEN {row}.size_bytes ELSE 0 END"


def upgrade() -> None:
    op.add_column("videos", sa.Column("original_deleted_at", sa.DateTime(timezone=True)))
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION count_videos_bytes() RETURNS trigger LANGUAGE plpgsql
        SET search_path FROM CURRENT AS $$
        DECLARE
            change bigint := 0;
        BEGIN
            IF TG_OP <> 'INSERT' THEN change := change - ({_SIZE.format(row="OLD")}); END IF;
            IF TG_OP <> 'DELETE' THEN change := change + ({_SIZE.format(row="NEW")}); END IF;
            IF TG_OP = 'DELETE' THEN PERFORM store_bytes(OLD.tenant_id, change);
            ELSE PERFORM store_bytes(NEW.tenant_id, change); END IF;
            RETURN NULL;
        END $$
        """
    )
