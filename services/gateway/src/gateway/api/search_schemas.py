"""Searching as clients see it: what is asked for, and the hits."""

import base64
import binascii
import html
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.domain.refusals import InvalidRequest
from gateway.domain.search.queries import Mark
from gateway.domain.search.words import Token
from gateway.ports.search import Kind, Scope, Window
from gateway.usecases.search import Found, Hit

__all__ = ["SearchPage", "Searched", "search_page"]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_CURSOR = struct.Struct(">qdq")
_NAMES: dict[str, Kind] = {"transcripts": "transcript", "scripts": "script"}


class Highlight(BaseModel):
    """Words of the text that answer the question."""

    offset: int = Field(description="Where they begin in `text`, in characters (Unicode code points).")
    length: int
    start: float | None = Field(default=None, description="When they are said, in seconds; null in a script.")
    end: float | None = None


class SearchHit(BaseModel):
    """A passage of a few sentences that answers the question."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "transcript",
                    "video_id": _ID,
                    "job_id": _ID,
                    "title": "Coriolanus, act 1",
                    "language": "en",
                    "start": 132.48,
                    "end": 141.02,
                    "text": "Caius Marcius Coriolanus! Welcome to Rome.",
                    "snippet": "Caius Marcius <mark>Coriolanus</mark>! Welcome to Rome.",
                    "highlights": [{"offset": 14, "length": 10, "start": 133.31, "end": 134.02}],
                    "score": 0.5,
                }
            ]
        }
    )

    kind: Kind
    video_id: UUID | None = Field(default=None, description="The video it is said in; null for a script.")
    job_id: UUID | None = Field(default=None, description="The job that wrote the transcript; null for a script.")
    script_id: UUID | None = Field(default=None, description="The script it is written in; null for a transcript.")
    title: str = Field(description="The video's title, or the script's file name.")
    language: str | None = None
    start: float | None = Field(default=None, description="When the passage begins, in seconds; null for a script.")
    end: float | None = None
    line: int | None = Field(default=None, description="The script's line it begins in, from 1; null for a transcript.")
    speaker: str | None = Field(default=None, description="Who speaks, where the script says so.")
    text: str
    snippet: str = Field(description="The text as HTML: escaped, with what was found inside `<mark>`.")
    highlights: tuple[Highlight, ...]
    score: float = Field(description="How well it answers: 0 to 1, to be compared within one answer.")


class Corrected(BaseModel):
    """A word that hardly occurs, and near spellings that were looked for besides."""

    word: str = Field(examples=["coriolanis"])
    searched_for: tuple[str, ...] = Field(examples=[["coriolanus"]])


class SearchPage(BaseModel):
    """Some of the hits: the best first; of very many, the best of the newest hundreds, and then of the next."""

    items: tuple[SearchHit, ...]
    corrections: tuple[Corrected, ...] = ()
    next_cursor: str | None = Field(
        default=None, description="Give it as `cursor` to get the next page; null at the end. A page may be short."
    )


@dataclass(frozen=True, slots=True)
class SearchAsked:
    """What somebody looks for, and where."""

    q: str
    scope: Scope
    window: Window
    limit: int


async def _asked(
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=256,
            description='Words, all of which must occur; `"a phrase"`, `-without`, `begin*`, `this OR that`.',
            examples=['coriolanis "hear me speak" -menenius'],
        ),
    ],
    in_: Annotated[
        str | None,
        Query(
            alias="in",
            pattern=r"^(transcripts|scripts)(,(transcripts|scripts))?$",
            description="`transcripts`, `scripts`, or both with a comma, as when it is absent.",
            examples=["transcripts"],
        ),
    ] = None,
    video_id: Annotated[UUID | None, Query(description="Only in what is said in this video.")] = None,
    script_id: Annotated[UUID | None, Query(description="Only in this script.")] = None,
    language: Annotated[
        str | None, Query(pattern=r"^[a-z]{2,3}$", description="Only in this language.", examples=["en"])
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 20,
    cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")] = None,
) -> SearchAsked:
    if "\x00" in q:
        raise InvalidRequest("no NUL character can be looked for", field="q")
    kinds = tuple(dict.fromkeys(_NAMES[name] for name in in_.split(","))) if in_ else ("transcript", "script")
    scope = Scope(kinds, language, video_id, script_id)
    return SearchAsked(q, scope, Window() if cursor is None else _decode(cursor), limit)


Searched = Annotated[SearchAsked, Depends(_asked)]


def search_page(found: Found) -> SearchPage:
    """Hits as clients see them."""
    return SearchPage(
        items=tuple(_view(hit) for hit in found.hits),
        corrections=tuple(Corrected(word=one.word, searched_for=one.searched_for) for one in found.corrections),
        next_cursor=None if found.next is None else _encode(found.next),
    )


def _view(hit: Hit) -> SearchHit:
    passage = hit.passage
    return SearchHit(
        kind=passage.kind,
        video_id=passage.video_id,
        job_id=passage.job_id,
        script_id=passage.script_id,
        title=passage.title,
        language=passage.language or None,
        start=passage.times[0][0] if passage.times else None,
        end=max(end for _, end in passage.times) if passage.times else None,
        line=passage.line,
        speaker=passage.speaker,
        text=passage.text,
        snippet=_snippet(passage.text, hit.tokens, hit.marks),
        highlights=tuple(_highlight(mark, hit.tokens, passage.times) for mark in hit.marks),
        score=round(hit.score, 4),
    )


def _highlight(mark: Mark, tokens: Sequence[Token], times: Sequence[tuple[float, float]]) -> Highlight:
    offset = tokens[mark.first].offset
    timed = mark.last < len(times)
    return Highlight(
        offset=offset,
        length=tokens[mark.last].end - offset,
        start=times[mark.first][0] if timed else None,
        end=times[mark.last][1] if timed else None,
    )


def _snippet(text: str, tokens: Sequence[Token], marks: Sequence[Mark]) -> str:
    pieces, behind = [], 0
    for mark in marks:
        start, end = tokens[mark.first].offset, tokens[mark.last].end
        pieces += [html.escape(text[behind:start]), f"<mark>{html.escape(text[start:end])}</mark>"]
        behind = end
    return "".join([*pieces, html.escape(text[behind:])])


def _encode(window: Window) -> str:
    """The last hit shown, exactly, or where the next window begins."""
    score = -1.0 if window.score is None else window.score
    packed = _CURSOR.pack(window.newest or 0, score, window.passage or 0)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _decode(cursor: str) -> Window:
    try:
        packed = base64.b64decode(f"{cursor}{'=' * (-len(cursor) % 4)}".encode("ascii"), altchars=b"-_", validate=True)
        newest, score, passage = _CURSOR.unpack(packed)
    except (ValueError, binascii.Error, struct.error):
        raise InvalidRequest("this is not a cursor we gave out", field="cursor") from None
    return Window(newest, None if not score >= 0 else score, passage)
