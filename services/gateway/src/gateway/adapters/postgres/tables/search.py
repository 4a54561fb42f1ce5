"""The search index. Passages and spellings are written and asked by statements of their own (``search_queries``)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from gateway.adapters.postgres.tables._columns import METADATA, created, tenant

__all__ = ["search_documents", "search_passages", "search_queue", "search_spellings", "search_words"]

search_documents = Table(
    "search_documents",
    METADATA,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("video_id", Uuid),
    Column("job_id", Uuid),
    Column("script_id", Uuid),
    Column("run", Integer, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("error", Text),
    Column("language", Text, nullable=False, server_default=""),
    Column("passages", Integer, nullable=False, server_default=text("0")),
    Column("words", Integer, nullable=False, server_default=text("0")),
    Column("vocabulary", LargeBinary, comment="Compressed JSON: in how many of its passages each word is."),
    Column("indexed_at", DateTime(timezone=True)),
    Column(
        "paired", Boolean, nullable=False, server_default=false(), comment="Whether pairs of small words are marked."
    ),
    created(),
)

search_passages = Table(
    "search_passages",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    tenant(),
    Column("document_id", Uuid, nullable=False),
    Column("owner_id", Uuid, Computed("tenant_id", persisted=True), nullable=False),
    Column("text", Text, nullable=False),
    Column("words", TSVECTOR, nullable=False),
    Column("start_ms", Integer),
    Column("times", LargeBinary, comment="Start and end of each word, in hundredths of a second from start_ms."),
    Column("line", Integer),
    Column("speaker", Text),
    comment="Shows what the transaction has asked for, and nothing to one that has asked nothing (migration 0010).",
)

search_words = Table(
    "search_words",
    METADATA,
    tenant(primary_key=True),
    Column("language", Text, primary_key=True),
    Column("word", Text, primary_key=True),
    Column("lexeme", Text, nullable=False),
    Column("passages", Integer, nullable=False),
)

search_spellings = Table(
    "search_spellings",
    METADATA,
    Column("language", Text, primary_key=True),
    Column("word", Text, primary_key=True),
    tenant(primary_key=True),
    comment="Shows words that look like the one the transaction has asked for.",
)

search_queue = Table(
    "search_queue",
    METADATA,
    Column("document_id", Uuid, primary_key=True),
    tenant(),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("leased_until", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("token", BigInteger, nullable=False, server_default=text("0")),
    comment="A row for each document that waits to be indexed. The indexer sees those of all tenants.",
)
