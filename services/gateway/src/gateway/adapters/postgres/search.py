"""The search index in PostgreSQL, being asked."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import fetch
from gateway.adapters.postgres import search_queries as said
from gateway.adapters.postgres.search_writing import PostgresIndexWriting, unpacked
from gateway.adapters.postgres.tables.search import search_documents
from gateway.domain.search.words import dictionary_of, plain
from gateway.ports.search import Candidate, Claimed, IndexedPassage, Ranked, Scope, Window

__all__ = ["PostgresIndexQueue", "PostgresSearchIndex"]

_NEWEST = 2**63 - 1
_WINDOW = 1000
"""Hits that are ranked at once. Ranking reads each of them: more would take longer than people wait."""
_WALKED_WINDOW = 300
"""Where one walks from passage to passage, since almost every one answers."""
_MOST_BEGINNINGS = 32
_MOST_NEAR = 40


class PostgresSearchIndex(PostgresIndexWriting):
    """The index of the transaction's tenant."""

    async def languages(self, scope: Scope) -> Mapping[str, int]:
        """How many passages there are in each language."""
        rows = await fetch(self._connection, said.LANGUAGES, kinds=list(scope.kinds))
        return {row["language"]: int(row["passages"]) for row in rows if scope.language in (None, row["language"])}

    async def stems(self, languages: Sequence[str], words: Sequence[str]) -> Mapping[tuple[str, str], str]:
        """What is indexed for words of a language, by language and word.

        Words that everybody uses are indexed too, as they are: a phrase may be made of nothing else.
        """
        found = {(language, word): plain(word) for language in languages for word in words}
        asked = {language: name for language in languages if (name := dictionary_of(language))}
        columns = {"languages": list(asked), "dictionaries": list(asked.values()), "words": list(words)}
        if asked and words:
            for row in await fetch(self._connection, said.DICTIONARIES, **columns):
                if row["stems"]:
                    found[(row["language"], row["word"])] = plain(row["stems"][0])
        return found

    async def small(self, languages: Sequence[str], words: Sequence[str], *, paired: bool) -> Set[tuple[str, str]]:
        """Those that everybody uses, by language and word; ``paired``: of languages in which pairs are indexed."""
        asked = {language: name for language in languages if (name := dictionary_of(language))}
        columns = {"languages": list(asked), "dictionaries": list(asked.values()), "words": list(words)}
        rows = await fetch(self._connection, said.SMALL, **columns, paired=paired) if asked and words else ()
        return {(row["language"], row["word"]) for row in rows}

    async def counts(self, languages: Sequence[str], lexemes: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """In how many passages these are, by language and lexeme."""
        rows = await fetch(self._connection, said.COUNTS, languages=list(languages), lexemes=list(lexemes))
        return {(row["language"], row["lexeme"]): int(row["passages"]) for row in rows}

    async def beginning(self, languages: Sequence[str], beginning: str) -> Mapping[str, Mapping[str, int]]:
        """What is indexed for words with this beginning, and in how many passages, by language."""
        behind = beginning[:-1] + chr(min(ord(beginning[-1]) + 1, 0x10FFFF))
        values: dict[str, Any] = {
            "languages": list(languages),
            "beginning": beginning,
            "behind": behind,
            "most": _MOST_BEGINNINGS,
        }
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for row in await fetch(self._connection, said.BEGINNING, **values):
            found[row["language"]][row["lexeme"]] = int(row["passages"])
        return found

    async def near(self, languages: Sequence[str], word: str) -> Sequence[tuple[str, str, str]]:
        """Language, spelling and what is indexed for words that look like this one."""
        await fetch(self._connection, said.SPELL, word=word)
        rows = await fetch(self._connection, said.NEAR, languages=list(languages), word=word, most=_MOST_NEAR)
        return [(row["language"], row["word"], row["lexeme"]) for row in rows]

    async def ranked(
        self, query: str, ranking: str, *, scope: Scope, window: Window, limit: int, dense: bool
    ) -> Ranked:
        """The best passages that answer. ``dense``: so many do that one meets them wherever one looks."""
        document = await self._document(scope)
        if document is None and (scope.video_id or scope.script_id):
            return Ranked((), None, None)
        walk = dense and document is None
        size = _WALKED_WINDOW if walk else _WINDOW
        ways = {"walking": "on" if walk else "off", "by_index": "off" if walk else "on"}
        await fetch(self._connection, said.ASK, query=query, **ways)
        values: dict[str, Any] = {
            "newest": _NEWEST if window.newest is None else window.newest,
            "window": size,
            "ranking": ranking,
            "score": window.score,
            "passage": window.passage,
            "limit": limit,
        }
        statement = said.RANKED_BY_WALKING if walk else said.RANKED
        if document is not None:
            statement, values = said.RANKED_IN_DOCUMENT, {**values, "document": document}
        rows = await fetch(self._connection, statement, **values)
        candidates = [Candidate(row["id"], row["score"]) for row in rows if row["id"] is not None]
        full = rows[0]["size"] == size
        return Ranked(candidates, rows[0]["highest"], rows[0]["lowest"] - 1 if full else None)

    async def passages(
        self, ids: Sequence[int], lexemes: Sequence[str], beginnings: Sequence[str]
    ) -> Mapping[int, IndexedPassage]:
        """Passages that the last question of this transaction found, with the places of what it asked for."""
        values = {"ids": list(ids), "lexemes": list(lexemes), "beginnings": list(beginnings)}
        return {row["id"]: _passage(row) for row in await fetch(self._connection, said.SHOWN, **values)}

    async def _document(self, scope: Scope) -> Any:
        """The one document to look in, where one is named."""
        if scope.video_id is None and scope.script_id is None:
            return None
        query = select(search_documents.c.id).where(search_documents.c.kind.in_(scope.kinds))
        if scope.video_id is not None:
            query = query.where(search_documents.c.video_id == scope.video_id)
        if scope.script_id is not None:
            query = query.where(search_documents.c.script_id == scope.script_id)
        return await self._connection.scalar(query)


class PostgresIndexQueue:
    """Statements of whoever indexes, for all tenants. Each takes the connection of its transaction."""

    async def claim(self, connection: AsyncConnection, *, lease_s: float) -> Claimed | None:
        """Take what has waited longest, if anything is due."""
        await connection.execute(said.OPEN_QUEUE)
        row = (await connection.execute(said.CLAIM, {"lease": timedelta(seconds=lease_s)})).one_or_none()
        return None if row is None else Claimed(row.document_id, row.tenant_id, row.attempts, row.token)

    async def later(self, connection: AsyncConnection, claim: Claimed, *, after_s: float) -> None:
        """Put a document back for a while."""
        await connection.execute(said.OPEN_QUEUE)
        values = {"document": claim.document_id, "token": claim.token, "wait": timedelta(seconds=after_s)}
        await connection.execute(said.LATER, values)


def _passage(row: Mapping[str, Any]) -> IndexedPassage:
    return IndexedPassage(
        id=row["id"],
        kind=row["kind"],
        language=row["language"],
        text=row["text"],
        video_id=row["video_id"],
        job_id=row["job_id"],
        script_id=row["script_id"],
        title=row["title"],
        times=unpacked(row["start_ms"], row["times"]),
        line=row["line"],
        speaker=row["speaker"],
        places=row["places"] or {},
    )
