"""The search index: documents, their passages, the words in them, and a queue of what is to be indexed.

PostgreSQL uses an index for a condition inside row-level security only if its operator is marked as leakproof, which
``@@`` and ``%`` are not: asked in a WHERE clause they would be tried on every row of the tenant. So the question is
part of the wall: a transaction says what it looks for, and the policies show the tenant's rows that answer, by the
index.
Passages have no policy for DELETE and UPDATE; they go with their document.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from chassis.database import force_row_level_security

revision = "0010"
down_revision = "0009"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")
_MINE = "tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)"


def upgrade() -> None:
    for extension in ("pg_trgm", "btree_gin"):
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public")
    _create_documents()
    _create_passages()
    _create_words()
    _create_queue()


def _tenant(*, primary_key: bool = False) -> sa.Column[object]:
    return sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT, primary_key=primary_key)


def _created() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def _document(*, primary_key: bool = False) -> sa.Column[object]:
    parent = sa.ForeignKey("search_documents.id", ondelete="CASCADE")
    return sa.Column("document_id", sa.Uuid, parent, nullable=False, primary_key=primary_key)


def _create_documents() -> None:
    op.create_table(
        "search_documents",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("video_id", sa.Uuid),
        sa.Column("job_id", sa.Uuid),
        sa.Column("script_id", sa.Uuid),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("error", sa.Text),
        sa.Column("language", sa.Text, nullable=False, server_default=""),
        sa.Column("passages", sa.Integer, nullable=False, server_default="0"),
        sa.Column("words", sa.Integer, nullable=False, server_default="0"),
        sa.Column("vocabulary", sa.LargeBinary),
        sa.Column("indexed_at", sa.DateTime(timezone=True)),
        _created(),
        sa.UniqueConstraint("tenant_id", "video_id", name="search_documents_video"),
        sa.UniqueConstraint("tenant_id", "script_id", name="search_documents_script"),
    )
    op.create_index("search_documents_languages", "search_documents", ["tenant_id", "language", "kind"])
    force_row_level_security(op, "search_documents")


def _create_passages() -> None:
    op.create_table(
        "search_passages",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        _tenant(),
        _document(),
        # The tenant once more, for an index that only who asks for it by this name is given. An index on tenant_id
        # would be taken for the wall's condition too, wherever statistics are old, and every passage be read.
        sa.Column("owner_id", sa.Uuid, sa.Computed("tenant_id", persisted=True), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("words", TSVECTOR, nullable=False),
        sa.Column("start_ms", sa.Integer),
        sa.Column("times", sa.LargeBinary),
        sa.Column("line", sa.Integer),
        sa.Column("speaker", sa.Text),
    )
    op.create_index("search_passages_newest", "search_passages", ["owner_id", sa.text("id DESC")])
    op.create_index("search_passages_document", "search_passages", ["document_id", sa.text("id DESC")])
    # Without a list of pending entries, which each search would have to read through.
    op.execute(
        "CREATE INDEX search_passages_words ON search_passages USING gin (tenant_id, words) WITH (fastupdate = off)"
    )
    _wall("search_passages", "words @@ (SELECT nullif(current_setting('gateway.searched', true), '')::tsquery)")


def _create_words() -> None:
    op.create_table(
        "search_words",
        _tenant(primary_key=True),
        sa.Column("language", sa.Text(collation="C"), primary_key=True),
        sa.Column("word", sa.Text(collation="C"), primary_key=True),
        sa.Column("lexeme", sa.Text(collation="C"), nullable=False),
        sa.Column("passages", sa.Integer, nullable=False),
    )
    op.create_index(
        "search_words_lexemes",
        "search_words",
        ["tenant_id", "language", "lexeme"],
        postgresql_include=["passages"],
    )
    force_row_level_security(op, "search_words")
    op.create_table(
        "search_spellings",
        sa.Column("language", sa.Text(collation="C"), primary_key=True),
        sa.Column("word", sa.Text(collation="C"), primary_key=True),
        _tenant(primary_key=True),  # last, for the same reason as owner_id above
    )
    op.execute(
        "CREATE INDEX search_spellings_look ON search_spellings USING gin (tenant_id, word gin_trgm_ops)"
        " WITH (fastupdate = off)"
    )
    _wall("search_spellings", "word % (SELECT nullif(current_setting('gateway.spelled', true), ''))")
    # A DELETE that has a WHERE clause would see only what is asked for. One without deletes what this policy names: the
    # words that were said to be forgotten, or, where none were, all of a tenant that is erased.
    op.execute(
        f"CREATE POLICY forgotten ON search_spellings FOR DELETE USING ({_MINE}"
        " AND (coalesce(current_setting('gateway.forgotten', true), '') = ''"
        " OR language = current_setting('gateway.forgotten_language', true)"
        " AND word = ANY (string_to_array(current_setting('gateway.forgotten', true), ' '))))"
    )


def _wall(table: str, answers: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant_wall ON {table} FOR SELECT USING ({_MINE} AND {answers})")
    op.execute(f"CREATE POLICY tenant_wall_for_new ON {table} FOR INSERT WITH CHECK ({_MINE})")


def _create_queue() -> None:
    op.create_table(
        "search_queue",
        _document(primary_key=True),
        _tenant(),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("token", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_index("search_queue_due", "search_queue", ["due_at"])
    force_row_level_security(op, "search_queue")
    open_ = "current_setting('gateway.indexer', true) = 'yes'"
    op.execute(f"CREATE POLICY seen_by_the_indexer ON search_queue FOR SELECT USING ({open_})")
    op.execute(f"CREATE POLICY leased_by_the_indexer ON search_queue FOR UPDATE USING ({open_}) WITH CHECK ({open_})")
