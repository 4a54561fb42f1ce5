"""The statements of the search index.

Row-level security lets PostgreSQL use an index only for what cannot leak, and neither ``@@`` nor ``%`` count as such:
asked in a WHERE clause they would be tried on each of the tenant's rows. So the question itself is part of the wall:
the policies of ``search_passages`` and ``search_spellings`` show the tenant's rows that answer what the transaction
has asked (``gateway.searched``, ``gateway.spelled``), and nothing to one that has asked nothing. See migration 0010.
"""

from sqlalchemy import text

from chassis.database import Prepared
from gateway.adapters.postgres.tables import TENANT

__all__ = [
    "ASK",
    "BEGINNING",
    "CLAIM",
    "COUNTS",
    "DICTIONARIES",
    "FORGET_SPELLINGS",
    "FORGET_WORDS",
    "HOLD_WORDS",
    "LANGUAGES",
    "LATER",
    "LESS_WORDS",
    "NEAR",
    "NEW_SPELLINGS",
    "NOTE_SCRIPTS",
    "NOTE_TRANSCRIPTS",
    "OPEN_QUEUE",
    "PASSAGES",
    "QUEUE_ALL",
    "RANKED",
    "RANKED_BY_WALKING",
    "RANKED_IN_DOCUMENT",
    "SHOWN",
    "SMALL",
    "SPELL",
    "WORDS",
]

ASK = Prepared(
    text(
        "SELECT set_config('gateway.searched', :query, true), set_config('enable_seqscan', 'off', true),"
        " set_config('enable_indexscan', :walking, true), set_config('enable_bitmapscan', :by_index, true)"
    )
)
"""Ask, and hold PostgreSQL to one way of answering, whatever its statistics say: they know nothing of the question.

By the words' index, or (``walking``) from the newest backwards until enough are found, for words that one meets
everywhere.
"""
SPELL = Prepared(
    text("SELECT set_config('gateway.spelled', :word, true), set_config('pg_trgm.similarity_threshold', '0.3', true)")
)
_RANKED = """
    WITH newest AS MATERIALIZED (
        SELECT id, CAST(ts_rank_cd('{{0.1, 0.1, 0.1, 1.0}}', words, CAST(:ranking AS tsquery), 32) AS float8) AS score
        FROM search_passages
        WHERE id <= :newest {only}
        ORDER BY id DESC LIMIT :window
    )
    SELECT bounds.highest, bounds.lowest, bounds.size, shown.id, shown.score
    FROM (SELECT max(id) AS highest, min(id) AS lowest, count(*) AS size FROM newest) bounds
    LEFT JOIN LATERAL (
        SELECT id, score FROM newest
        WHERE CAST(:score AS float8) IS NULL OR (score, id) < (CAST(:score AS float8), CAST(:passage AS bigint))
        ORDER BY score DESC, id DESC LIMIT :limit
    ) shown ON true
    ORDER BY shown.score DESC, shown.id DESC
"""
"""The score is computed before the newest are sorted out: to carry all their words through the sorting costs more."""
RANKED = Prepared(text(_RANKED.format(only="")))
RANKED_IN_DOCUMENT = Prepared(text(_RANKED.format(only="AND document_id = :document")))
RANKED_BY_WALKING = Prepared(text(_RANKED.format(only=f"AND owner_id = {TENANT}")))
"""By the index of the newest: the tenant's name in it is no condition of the wall (see migration 0010)."""
SHOWN = Prepared(
    text(
        """
    SELECT passage.id, document.kind, document.language, passage.text, document.video_id, document.job_id,
           document.script_id, coalesce(video.title, script.filename, '') AS title, passage.start_ms, passage.times,
           passage.line, passage.speaker,
           (SELECT jsonb_object_agg(found.lexeme, found.positions) FROM unnest(passage.words) AS found
            WHERE found.lexeme = ANY(CAST(:lexemes AS text[]))
               OR EXISTS (SELECT FROM unnest(CAST(:beginnings AS text[])) AS beginning
                          WHERE starts_with(found.lexeme, beginning))) AS places
    FROM search_passages passage
    JOIN search_documents document ON document.id = passage.document_id
    LEFT JOIN videos video ON video.id = document.video_id
    LEFT JOIN scripts script ON script.id = document.script_id
    WHERE passage.id = ANY(CAST(:ids AS bigint[]))
    """
    )
)
LANGUAGES = Prepared(
    text(
        "SELECT language, sum(passages) AS passages FROM search_documents"
        " WHERE kind = ANY(CAST(:kinds AS text[])) AND passages > 0 GROUP BY language ORDER BY 2 DESC"
    )
)
DICTIONARIES = Prepared(
    text(
        """
    SELECT asked.language, word, ts_lexize(CAST(known.oid AS regdictionary), word) AS stems
    FROM unnest(CAST(:languages AS text[]), CAST(:dictionaries AS text[])) AS asked(language, dictionary)
    JOIN pg_catalog.pg_ts_dict known ON known.dictname = asked.dictionary AND pg_ts_dict_is_visible(known.oid)
    CROSS JOIN unnest(CAST(:words AS text[])) AS word
    """
    )
)
SMALL = Prepared(
    text(
        """
    SELECT asked.language, word
    FROM unnest(CAST(:languages AS text[]), CAST(:dictionaries AS text[])) AS asked(language, dictionary)
    JOIN pg_catalog.pg_ts_dict known ON known.dictname = asked.dictionary AND pg_ts_dict_is_visible(known.oid)
    CROSS JOIN unnest(CAST(:words AS text[])) AS word
    WHERE ts_lexize(CAST(known.oid AS regdictionary), word) = '{}'
      AND (NOT CAST(:paired AS boolean) OR NOT EXISTS (SELECT FROM search_documents old
                                      WHERE old.language = asked.language AND old.passages > 0 AND NOT old.paired))
    """
    )
)
"""Words that a dictionary leaves out. From before there were pairs some documents may still wait to be indexed anew."""
COUNTS = Prepared(
    text(
        "SELECT language, lexeme, sum(passages) AS passages FROM search_words"
        " WHERE language = ANY(CAST(:languages AS text[])) AND lexeme = ANY(CAST(:lexemes AS text[]))"
        " GROUP BY language, lexeme"
    )
)
BEGINNING = Prepared(
    text(
        """
    SELECT asked.language, found.lexeme, found.passages
    FROM unnest(CAST(:languages AS text[])) AS asked(language) CROSS JOIN LATERAL (
        SELECT lexeme, sum(passages) AS passages FROM search_words
        WHERE language = asked.language AND word >= :beginning AND word < :behind
        GROUP BY lexeme ORDER BY 2 DESC, 1 LIMIT :most) found
    """
    )
)
NEAR = Prepared(
    text(
        """
    SELECT spelling.language, spelling.word, known.lexeme
    FROM (SELECT language, word FROM search_spellings ORDER BY similarity(word, :word) DESC, word LIMIT :most) spelling
    JOIN search_words known USING (language, word)
    WHERE spelling.language = ANY(CAST(:languages AS text[]))
    """
    )
)

NOTE_SCRIPTS = text(
    """
    INSERT INTO search_documents (id, kind, script_id, key, run)
    SELECT gen_random_uuid(), 'script', id, key, 1 FROM scripts WHERE NOT pending
    ON CONFLICT DO NOTHING
    """
)
NOTE_TRANSCRIPTS = text(
    """
    INSERT INTO search_documents (id, kind, video_id, job_id, key, run)
    SELECT DISTINCT ON (job.video_id) gen_random_uuid(), 'transcript', job.video_id, job.id,
           job.results ->> 'transcript.json', job.run
    FROM jobs job JOIN videos video ON video.id = job.video_id AND video.state <> 'erased'
    WHERE job.results ? 'transcript.json' ORDER BY job.video_id, job.id DESC
    ON CONFLICT DO NOTHING
    """
)
QUEUE_ALL = text(
    """
    INSERT INTO search_queue AS queue (document_id)
    SELECT id FROM search_documents WHERE :again OR state = 'waiting'
    ON CONFLICT (document_id) DO UPDATE SET due_at = now(), attempts = 0
    """
)
PASSAGES = text(
    """
    INSERT INTO search_passages (document_id, text, words, start_ms, times, line, speaker)
    SELECT CAST(:document AS uuid), given.text, CAST(given.words AS tsvector), given.start_ms, given.times, given.line,
           given.speaker
    FROM unnest(CAST(:texts AS text[]), CAST(:words AS text[]), CAST(:starts AS integer[]), CAST(:times AS bytea[]),
                CAST(:lines AS integer[]), CAST(:speakers AS text[]))
         AS given(text, words, start_ms, times, line, speaker)
    """
)
HOLD_WORDS = text(
    "SELECT pg_advisory_xact_lock(hashtextextended("
    "'gateway/search words/' || current_setting('app.tenant_id', true), 0))"
)
WORDS = text(
    """
    INSERT INTO search_words AS known (language, word, lexeme, passages)
    SELECT CAST(:language AS text), given.word, given.lexeme, given.passages
    FROM unnest(CAST(:words AS text[]), CAST(:lexemes AS text[]), CAST(:counts AS integer[]))
         AS given(word, lexeme, passages)
    ON CONFLICT (tenant_id, language, word)
    DO UPDATE SET passages = known.passages + excluded.passages, lexeme = excluded.lexeme
    RETURNING word, xmax = 0 AS fresh
    """
)
NEW_SPELLINGS = text(
    "INSERT INTO search_spellings (language, word) SELECT CAST(:language AS text), word"
    " FROM unnest(CAST(:words AS text[])) AS word ON CONFLICT DO NOTHING"
)
LESS_WORDS = text(
    """
    UPDATE search_words known SET passages = known.passages - given.passages
    FROM unnest(CAST(:words AS text[]), CAST(:counts AS integer[])) AS given(word, passages)
    WHERE known.language = :language AND known.word = given.word
    """
)
FORGET_WORDS = text(
    "WITH gone AS (DELETE FROM search_words WHERE language = :language AND word = ANY(CAST(:words AS text[]))"
    " AND passages <= 0 RETURNING word)"
    " SELECT count(*), set_config('gateway.forgotten_language', :language, true),"
    " set_config('gateway.forgotten', coalesce(string_agg(word, ' ') FILTER (WHERE word NOT LIKE '=%'), ' '), true)"
    " FROM gone"
)
FORGET_SPELLINGS = text("DELETE FROM search_spellings")
"""Of the words that were forgotten just before: the policy for DELETE names them, and without them everything."""

OPEN_QUEUE = text("SELECT set_config('gateway.indexer', 'yes', true)")
CLAIM = text(
    """
    UPDATE search_queue queue
    SET leased_until = now() + CAST(:lease AS interval), token = token + 1, attempts = attempts + 1
    FROM (SELECT document_id FROM search_queue
          WHERE due_at <= now() AND (leased_until IS NULL OR leased_until <= now())
          ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) due
    WHERE queue.document_id = due.document_id
    RETURNING queue.document_id, queue.tenant_id, queue.attempts, queue.token
    """
)
LATER = text(
    "UPDATE search_queue SET leased_until = NULL, due_at = now() + CAST(:wait AS interval)"
    " WHERE document_id = :document AND token = :token"
)
