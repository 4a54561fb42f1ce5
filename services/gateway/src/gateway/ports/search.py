"""What searching needs from outside: an index of passages for each tenant, and a queue of what is to be indexed."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.search.passages import Passage

__all__ = [
    "Candidate",
    "Claimed",
    "Content",
    "IndexQueue",
    "Indexed",
    "IndexedPassage",
    "Kind",
    "Scope",
    "SearchIndex",
    "Window",
]

Kind = Literal["transcript", "script"]


@dataclass(frozen=True, slots=True)
class Indexed:
    """A document that is in the index, or will be."""

    id: UUID
    kind: Kind
    key: str
    """Blob key of the document."""
    video_id: UUID | None = None
    job_id: UUID | None = None
    script_id: UUID | None = None
    run: int = 1


@dataclass(frozen=True, slots=True)
class Claimed:
    """A document that is ours to index, until its lease runs out."""

    document_id: UUID
    tenant_id: UUID
    attempts: int
    token: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a document holds, ready to be indexed."""

    language: str
    """Empty if it is not known."""
    passages: Sequence[Passage]
    stems: Mapping[str, str]
    """What is indexed for each of its words."""
    small: frozenset[str] = frozenset()
    """Those of its words that everybody uses."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look."""

    kinds: tuple[Kind, ...] = ("transcript", "script")
    language: str | None = None
    video_id: UUID | None = None
    script_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Which hits: those that come after one that was shown. Of many, the newest are ranked first, then the next."""

    newest: int | None = None
    """No passage that came later than this one."""
    score: float | None = None
    passage: int | None = None
    """Of the last hit that was shown."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that answers, with its place in the order."""

    passage: int
    score: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """The best candidates of one window."""

    candidates: Sequence[Candidate]
    newest: int | None
    """The newest passage of the window."""
    next_window: int | None
    """Where the next window begins; None if this one held all there are."""


@dataclass(frozen=True, slots=True)
class IndexedPassage:
    """A passage as it is shown."""

    id: int
    kind: Kind
    language: str
    text: str
    video_id: UUID | None
    job_id: UUID | None
    script_id: UUID | None
    title: str
    times: Sequence[tuple[float, float]] = ()
    line: int | None = None
    speaker: str | None = None
    places: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """1-based places of what was asked for, by what was indexed."""


class SearchIndex(Protocol):
    """The index of one tenant."""

    async def note_transcript(self, *, video_id: UUID, job_id: UUID, run: int, key: str) -> bool:
        """Have a transcript indexed in place of the video's older one; False if there is a newer one."""

    async def note_script(self, *, script_id: UUID, key: str) -> bool:
        """Have a script indexed; False if it is known."""

    async def note_missing(self, *, again: bool) -> int:
        """Have everything indexed that is not, or with ``again`` everything; returns how many documents."""

    async def forget(self, *, video_id: UUID | None = None, script_id: UUID | None = None) -> int:
        """Forget all passages of a video's transcript or of a script; returns how many documents there were."""

    async def transcript_of(self, video_id: UUID) -> UUID | None:
        """The job whose transcript a video is found by; nobody notes another one before this transaction ends."""

    async def claimed(self, claim: Claimed) -> Indexed | None:
        """The document of a claim that is still ours."""

    async def replace(self, claim: Claimed, document: Indexed, content: Content) -> bool:
        """Index what a document holds, in place of what was indexed of it; False if the claim is not ours any more."""

    async def give_up(self, claim: Claimed, error: str) -> bool:
        """Note that a document cannot be indexed, and why; False if the claim is not ours any more."""

    async def languages(self, scope: Scope) -> Mapping[str, int]:
        """How many passages there are in each language."""

    async def stems(self, languages: Sequence[str], words: Sequence[str]) -> Mapping[tuple[str, str], str]:
        """What is indexed for words of a language, by language and word."""

    async def small(self, languages: Sequence[str], words: Sequence[str], *, paired: bool) -> Set[tuple[str, str]]:
        """Those that everybody uses, by language and word; ``paired``: of languages in which pairs are indexed."""

    async def counts(self, languages: Sequence[str], lexemes: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """In how many passages these are, by language and lexeme."""

    async def beginning(self, languages: Sequence[str], beginning: str) -> Mapping[str, Mapping[str, int]]:
        """What is indexed for words with this beginning, and in how many passages, by language."""

    async def near(self, languages: Sequence[str], word: str) -> Sequence[tuple[str, str, str]]:
        """Language, spelling and what is indexed for words that look like this one."""

    async def ranked(
        self, query: str, ranking: str, *, scope: Scope, window: Window, limit: int, dense: bool
    ) -> Ranked:
        """The best passages that answer. ``dense``: so many do that one meets them wherever one looks."""

    async def passages(
        self, ids: Sequence[int], lexemes: Sequence[str], beginnings: Sequence[str]
    ) -> Mapping[int, IndexedPassage]:
        """Passages that the last question of this transaction found, with the places of what it asked for."""


class IndexQueue(Protocol):
    """What is to be indexed, over all tenants."""

    async def claim(self, connection: AsyncConnection, *, lease_s: float) -> Claimed | None:
        """Take what has waited longest, if anything is due."""

    async def later(self, connection: AsyncConnection, claim: Claimed, *, after_s: float) -> None:
        """Put a document back for a while."""
