"""The search index in PostgreSQL, being written: documents noted, indexed, and forgotten."""

import array
import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import uuid7
from gateway.adapters.postgres import search_queries as said
from gateway.adapters.postgres.tables.search import search_documents, search_queue
from gateway.domain.search.passages import Passage
from gateway.domain.search.queries import kind_mark, language_mark, pair_marks, tsvector
from gateway.domain.search.spelling import tolerance
from gateway.ports.search import Claimed, Content, Indexed

__all__ = ["PostgresIndexWriting", "unpacked"]

_kept = search_documents
_FIELDS = ("id", "kind", "key", "video_id", "job_id", "script_id", "run")


class PostgresIndexWriting:
    """Writing in the index of the transaction's tenant.

    Locks are taken in one order by all, so that nobody waits crosswise: the document, then the tenant's words.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def note_transcript(self, *, video_id: UUID, job_id: UUID, run: int, key: str) -> bool:
        """Have a transcript indexed in place of the video's older one; False if there is a newer one."""
        values = {"job_id": job_id, "run": run, "key": key, "state": "waiting", "error": None}
        row = upsert(_kept).values(id=uuid7(), kind="transcript", video_id=video_id, **values)
        row = row.on_conflict_do_update(
            index_elements=["tenant_id", "video_id"],
            set_=values,
            where=tuple_(_kept.c.job_id, _kept.c.run) < tuple_(row.excluded.job_id, row.excluded.run),
        )
        return await self._queue((await self._connection.execute(row.returning(_kept.c.id))).scalars().all())

    async def note_script(self, *, script_id: UUID, key: str) -> bool:
        """Have a script indexed; False if it is known."""
        row = upsert(_kept).values(id=uuid7(), kind="script", script_id=script_id, key=key, run=1)
        row = row.on_conflict_do_nothing(index_elements=["tenant_id", "script_id"])
        return await self._queue((await self._connection.execute(row.returning(_kept.c.id))).scalars().all())

    async def note_missing(self, *, again: bool) -> int:
        """Have everything indexed that is not, or with ``again`` everything; returns how many documents."""
        await self._connection.execute(said.NOTE_SCRIPTS)
        await self._connection.execute(said.NOTE_TRANSCRIPTS)
        return (await self._connection.execute(said.QUEUE_ALL, {"again": again})).rowcount

    async def forget(self, *, video_id: UUID | None = None, script_id: UUID | None = None) -> int:
        """Forget all passages of a video's transcript or of a script; returns how many documents there were.

        A document that is being indexed at this moment comes back as a new row, which the statement that waited for it
        does not see: so look again until there is none.
        """
        if (video_id is None) == (script_id is None):
            raise ValueError("forget either a video or a script")
        about = _kept.c.video_id == video_id if script_id is None else _kept.c.script_id == script_id
        removed = await self._remove(about)
        while await self._connection.scalar(select(_kept.c.id).where(about).limit(1)) is not None:
            removed += await self._remove(about)
        for language, counts in removed:
            await self._count(language, _less(counts), {})
        return len(removed)

    async def transcript_of(self, video_id: UUID) -> UUID | None:
        """The job whose transcript a video is found by; nobody notes another one before this transaction ends."""
        found = select(_kept.c.job_id).where(_kept.c.video_id == video_id).with_for_update()
        job_id: UUID | None = await self._connection.scalar(found)
        return job_id

    async def claimed(self, claim: Claimed) -> Indexed | None:
        """The document of a claim that is still ours."""
        query = (
            select(*(_kept.c[name] for name in _FIELDS))
            .join(search_queue, search_queue.c.document_id == _kept.c.id)
            .where(*_ours(claim))
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else Indexed(**row)

    async def replace(self, claim: Claimed, document: Indexed, content: Content) -> bool:
        """Index what a document holds, in place of what was indexed of it; False if the claim is not ours any more."""
        if not await self._settle(claim):
            return False
        removed = await self._remove(_kept.c.id == document.id)
        counts = Counter(
            word for passage in content.passages for word in (*set(passage.words), *_pairs(passage, content))
        )
        row = {
            **asdict(document),
            "language": content.language,
            "passages": len(content.passages),
            "words": sum(len(passage.words) for passage in content.passages),
            "state": "indexed",
            "paired": True,
            "vocabulary": zlib.compress(json.dumps(counts).encode()),
            "indexed_at": func.now(),
        }
        await self._connection.execute(insert(_kept).values(row))
        if content.passages:
            await self._connection.execute(said.PASSAGES, _columns(document, content))
        await self._count(content.language, counts, content.stems)
        for language, before in removed:
            await self._count(language, _less(before), {})
        return True

    async def give_up(self, claim: Claimed, error: str) -> bool:
        """Note that a document cannot be indexed, and why; False if the claim is not ours any more."""
        if not await self._settle(claim):
            return False
        row = _kept.update().where(_kept.c.id == claim.document_id)
        await self._connection.execute(row.values(state="failed", error=error))
        return True

    async def _queue(self, ids: Sequence[UUID]) -> bool:
        for document_id in ids:
            row = upsert(search_queue).values(document_id=document_id)
            fresh = {"due_at": func.now(), "attempts": 0, "leased_until": None, "token": search_queue.c.token + 1}
            await self._connection.execute(row.on_conflict_do_update(index_elements=["document_id"], set_=fresh))
        return bool(ids)

    async def _settle(self, claim: Claimed) -> bool:
        await self._connection.execute(select(_kept.c.id).where(_kept.c.id == claim.document_id).with_for_update())
        gone = delete(search_queue).where(search_queue.c.document_id == claim.document_id)
        return (await self._connection.execute(gone.where(search_queue.c.token == claim.token))).rowcount == 1

    async def _remove(self, about: ColumnElement[bool]) -> list[tuple[str, Mapping[str, int]]]:
        """Passages have no policy for DELETE: they go with their document, and so does its place in the queue.

        Returns language and words of each.
        """
        gone = delete(_kept).where(about).returning(_kept.c.language, _kept.c.vocabulary)
        removed = (await self._connection.execute(gone)).all()
        return [(row.language, _opened(row.vocabulary)) for row in removed]

    async def _count(self, language: str, counts: Mapping[str, int], stems: Mapping[str, str]) -> None:
        """Add to the passages each word is in; words that are in none are forgotten."""
        if not counts:
            return
        await self._connection.execute(said.HOLD_WORDS)
        words = sorted(counts)
        gone = [word for word in words if counts[word] < 0]
        more = [word for word in words if counts[word] > 0]
        if more:
            columns = {"words": more, "lexemes": [stems.get(word, word) for word in more]}
            values = {"language": language, **columns, "counts": [counts[word] for word in more]}
            counted = (await self._connection.execute(said.WORDS, values)).all()
            likely = [row.word for row in counted if row.fresh and tolerance(row.word)]
            await self._connection.execute(said.NEW_SPELLINGS, {"language": language, "words": likely})
        if gone:
            values = {"language": language, "words": gone, "counts": [-counts[word] for word in gone]}
            await self._connection.execute(said.LESS_WORDS, values)
            if await self._connection.scalar(said.FORGET_WORDS, {"language": language, "words": gone}):
                await self._connection.execute(said.FORGET_SPELLINGS)


def _opened(vocabulary: bytes | None) -> Mapping[str, int]:
    return {} if vocabulary is None else json.loads(zlib.decompress(vocabulary))


def _less(counts: Mapping[str, int]) -> dict[str, int]:
    return {word: -count for word, count in counts.items()}


def _ours(claim: Claimed) -> tuple[ColumnElement[bool], ...]:
    return search_queue.c.document_id == claim.document_id, search_queue.c.token == claim.token


def _columns(document: Indexed, content: Content) -> dict[str, Any]:
    marks = (kind_mark(document.kind), language_mark(content.language))

    def lexemes(words: Sequence[str]) -> list[str]:
        return [content.stems.get(word, word) for word in words]

    return {
        "document": document.id,
        "texts": [passage.text for passage in content.passages],
        "words": [
            tsvector(lexemes(one.words), lexemes(one.ahead), (*marks, *_pairs(one, content)))
            for one in content.passages
        ],
        "starts": [_ms(passage.start) for passage in content.passages],
        "times": [_packed(passage) for passage in content.passages],
        "lines": [passage.line for passage in content.passages],
        "speakers": [passage.speaker for passage in content.passages],
    }


def _pairs(passage: Passage, content: Content) -> list[str]:
    return pair_marks((*passage.words, *passage.ahead), content.small)


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _packed(passage: Passage) -> bytes | None:
    """Each word's start and end, in hundredths of a second from the passage's start: four bytes a word."""
    if passage.start is None:
        return None
    steps = (round((moment - passage.start) * 100) for times in passage.times for moment in times)
    return array.array("H", (min(max(step, 0), 0xFFFF) for step in steps)).tobytes()


def unpacked(start_ms: int | None, packed: bytes | None) -> list[tuple[float, float]]:
    """Each word's start and end in seconds."""
    if start_ms is None or packed is None:
        return []
    steps = array.array("H", packed)
    return [((start_ms + steps[n] * 10) / 1000, (start_ms + steps[n + 1] * 10) / 1000) for n in range(0, len(steps), 2)]
