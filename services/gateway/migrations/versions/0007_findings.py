"""What jobs found as things of their own; what people say of lines; reference pictures; states of jobs to ask for.

What jobs found before is taken over from their results, with an id as old as the job's end.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import above_the_walls, force_row_level_security

revision = "0007"
down_revision = "0006"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")
_STATE = """
    CASE
        WHEN steps @? '$[*] ? (@.state == "queued" || @.state == "running")' THEN
            CASE WHEN steps @? '$[*] ? (@.state != "queued")' THEN 'running' ELSE 'queued' END
        WHEN steps @? '$[*] ? (@.state == "cancelled")' THEN 'cancelled'
        WHEN steps @? '$[*] ? (@.state == "failed")' THEN 'failed'
        ELSE 'succeeded'
    END
"""


def upgrade() -> None:
    _create_findings()
    _create_reviews()
    _create_logos()
    _show_states()
    with above_the_walls(op, "jobs", "findings"):
        _take_over()


def _tenant(*, primary_key: bool = False) -> sa.Column[object]:
    return sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT, primary_key=primary_key)


def _created() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def _create_findings() -> None:
    op.create_table(
        "findings",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("script_id", sa.Uuid),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("model_sha256", sa.Text),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("summary", JSONB, nullable=False),
        sa.Column("files", JSONB, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False, server_default=sa.text("0")),
        _created(),
        sa.UniqueConstraint("job_id", "kind", name="findings_of_job"),
    )
    op.create_index("findings_newest", "findings", ["tenant_id", "kind", "id"])
    op.create_index("findings_of_video", "findings", ["tenant_id", "video_id", "kind", "id"])
    force_row_level_security(op, "findings")


def _create_reviews() -> None:
    op.create_table(
        "corrections",
        _tenant(primary_key=True),
        sa.Column("video_id", sa.Uuid, primary_key=True),
        sa.Column("script_id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("correction", JSONB, nullable=False),
    )
    op.create_table(
        "ledger_revisions",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant(),
        sa.Column("video_id", sa.Uuid, nullable=False),
        sa.Column("script_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("undoes", sa.Integer),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("changes", JSONB, nullable=False),
        _created(),
        sa.UniqueConstraint("tenant_id", "video_id", "script_id", "revision", name="ledger_revisions_in_order"),
    )
    force_row_level_security(op, "corrections")
    force_row_level_security(op, "ledger_revisions")


def _create_logos() -> None:
    op.create_table(
        "logos",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        _created(),
        sa.UniqueConstraint("tenant_id", "sha256", name="logos_same"),
    )
    op.create_index("logos_newest", "logos", ["tenant_id", "id"])
    force_row_level_security(op, "logos")


def _show_states() -> None:
    """PostgreSQL keeps the state beside the steps it follows from, so that no way of changing them can forget it."""
    op.execute(f"ALTER TABLE jobs ADD COLUMN state text NOT NULL GENERATED ALWAYS AS ({_STATE}) STORED")
    op.create_index("jobs_by_state", "jobs", ["tenant_id", "state", "id"])


def _take_over() -> None:
    for kind, step, name, files in (
        ("scenes", "scenes", "scenes.json", "jsonb_build_object('keyframes', results ->> 'keyframes/')"),
        ("transcript", "transcript", "transcript.json", "'{}'::jsonb"),
        (
            "alignment",
            "alignment",
            "ledger.json",
            "jsonb_strip_nulls(jsonb_build_object('json', results ->> 'ledger.json', 'srt', results ->> 'script.srt',"
            " 'vtt', results ->> 'script.vtt', 'otio', results ->> 'timeline.otio'))",
        ),
        ("watermarks", "watermarks", "watermarks.json", "'{}'::jsonb"),
        (
            "rendition",
            "upscale",
            "qc.json",
            "jsonb_build_object('content', (SELECT value FROM jsonb_each_text(results)"
            " WHERE key LIKE 'rendition.%' LIMIT 1))",
        ),
    ):
        op.execute(
            f"""
            INSERT INTO findings (id, tenant_id, kind, job_id, video_id, script_id, run, engine, model_sha256, seconds,
                                  key, summary, files, created_at)
            SELECT (lpad(to_hex((extract(epoch FROM coalesce(finished_at, created_at)) * 1000)::bigint), 12, '0')
                    || '7' || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid,
                   tenant_id, '{kind}', jobs.id, video_id, {"script_id" if kind == "alignment" else "NULL"},
                   (step ->> 'run')::int, coalesce(step ->> 'engine', ''), step ->> 'model_sha256',
                   coalesce((step ->> 'seconds')::float, 0), results ->> '{name}', '{{}}'::jsonb, {files},
                   coalesce(finished_at, created_at)
            FROM jobs, jsonb_array_elements(steps) AS step
            WHERE step ->> 'step' = '{step}' AND results ? '{name}'
            """
        )
