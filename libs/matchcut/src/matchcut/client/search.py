"""Searching as methods: ``matchcut.search``."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from matchcut.client.webhooks import Transport

__all__ = ["Correction", "Highlight", "Search", "SearchHit", "SearchPage"]

Kind = Literal["transcripts", "scripts"]


class _Resource(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Highlight(_Resource):
    """Words of the text that answer: where they stand, and in a film when they are said."""

    offset: int
    length: int
    start: float | None = None
    end: float | None = None


class SearchHit(_Resource):
    """A passage that answers. ``snippet`` is HTML; ``text`` is plain."""

    kind: str
    video_id: UUID | None = None
    job_id: UUID | None = None
    script_id: UUID | None = None
    title: str = ""
    language: str | None = None
    start: float | None = None
    end: float | None = None
    line: int | None = None
    speaker: str | None = None
    text: str
    snippet: str
    highlights: tuple[Highlight, ...] = ()
    score: float = 0.0

    def pieces(self) -> Iterator[tuple[str, bool]]:
        """The text in pieces, each with whether it is what was found."""
        behind = 0
        for mark in self.highlights:
            yield self.text[behind : mark.offset], False
            behind = mark.offset + mark.length
            yield self.text[mark.offset : behind], True
        yield self.text[behind:], False


class Correction(_Resource):
    """A word that hardly occurs, and near spellings that were looked for besides."""

    word: str
    searched_for: tuple[str, ...]


class SearchPage(_Resource):
    """Some of the hits, the best first."""

    items: tuple[SearchHit, ...]
    corrections: tuple[Correction, ...] = ()
    next_cursor: str | None = None


class Search:
    """``matchcut.search("coriolanus")`` gives all hits, the best first; ``.page`` gives them page by page."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def __call__(
        self,
        q: str,
        *,
        kinds: Sequence[Kind] = (),
        video_id: UUID | None = None,
        script_id: UUID | None = None,
        language: str | None = None,
        limit: int = 20,
    ) -> Iterator[SearchHit]:
        """All hits; they are fetched as they are taken, ``limit`` at a time."""
        where: dict[str, Any] = {"video_id": video_id, "script_id": script_id, "language": language, "limit": limit}
        cursor: str | None = None
        while True:
            page = self.page(q, kinds=kinds, cursor=cursor, **where)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def page(
        self,
        q: str,
        *,
        kinds: Sequence[Kind] = (),
        video_id: UUID | None = None,
        script_id: UUID | None = None,
        language: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> SearchPage:
        """One page of hits. Raises Invalid for a question that names nothing to look for."""
        asked = {
            "q": q,
            "in": ",".join(kinds) or None,
            "video_id": video_id,
            "script_id": script_id,
            "language": language,
            "limit": limit,
            "cursor": cursor,
        }
        given = {name: str(value) for name, value in asked.items() if value is not None}
        return SearchPage.model_validate_json(self._transport.send("GET", "/v1/search", params=given).content)
