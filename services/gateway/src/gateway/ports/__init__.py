"""What the use cases need from outside: rows, secrets, and word of changes."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.access import Caller
from gateway.domain.findings import Narrowed
from gateway.domain.jobs import Job
from gateway.domain.library import Rejection, Script, Upload, Video
from gateway.ports.audit import Audit, Seals
from gateway.ports.changes import Bell, Changes
from gateway.ports.erasures import Erasures
from gateway.ports.events import Events
from gateway.ports.exports import Exports
from gateway.ports.findings import Findings, Logos, Pictures, Reviews
from gateway.ports.held import Holdings
from gateway.ports.identity import (
    ApiKey,
    ApiKeys,
    Attempts,
    Invitation,
    Origin,
    Passwords,
    People,
    RefreshToken,
    RefreshTokens,
    Revocations,
    Seal,
    Session,
    Sessions,
    TokenMint,
    User,
)
from gateway.ports.retention import Retentions
from gateway.ports.runners import Runners
from gateway.ports.search import SearchIndex
from gateway.ports.transfers import Transfers
from gateway.ports.usage import QuotaBook, UsageBook
from gateway.ports.webhooks import Deliveries, Webhooks

__all__ = [
    "ApiKey",
    "ApiKeys",
    "Attempts",
    "Bell",
    "Changes",
    "Findings",
    "Invitation",
    "Jobs",
    "Logos",
    "Origin",
    "Passwords",
    "People",
    "Pictures",
    "Records",
    "RecordsOn",
    "RefreshToken",
    "RefreshTokens",
    "Replies",
    "Reply",
    "Reviews",
    "Revocations",
    "Scripts",
    "Seal",
    "Session",
    "Sessions",
    "TokenMint",
    "Uploads",
    "User",
    "Videos",
]


@dataclass(frozen=True, slots=True)
class Reply:
    """The first answer to a request that carried an Idempotency-Key."""

    request_hash: str
    status: int
    body: bytes


class Uploads(Protocol):
    """Uploads of one tenant."""

    async def add(self, upload: Upload) -> None:
        """Record an upload that waits for its bytes."""

    async def get(self, upload_id: UUID) -> Upload | None:
        """One upload."""

    async def receive(self, upload_id: UUID, *, key: str, size_bytes: int, sha256: str) -> bool:
        """Record that the bytes are here; False if they were before, or the upload is gone."""

    async def take(self, upload_id: UUID, request_id: UUID) -> bool:
        """Let this request send the bytes, and none that did before; False if none are waited for."""

    async def writes(self, upload_id: UUID, request_id: UUID) -> bool:
        """Whether this request still may."""

    async def whole(self, upload_id: UUID) -> bool:
        """All pieces are here, to be joined and checked; False if that was known, or the upload is gone."""

    async def arrive(self, upload_id: UUID, *, key: str, size_bytes: int, sha256: str) -> bool:
        """Record that the bytes are here, joined and checked; False if nobody wants them any more."""

    async def fail(self, upload_id: UUID, failure: Rejection) -> None:
        """Record that the bytes will not come."""

    async def expect(self, upload_id: UUID, size_bytes: int) -> None:
        """Note how many bytes will come, once that is known."""

    async def hold(self, upload_id: UUID, size_bytes: int) -> None:
        """Note how many bytes are here, or on their way, of an upload of which nobody knows how many will come."""

    async def use(self, upload_id: UUID) -> bool:
        """Claim an upload whose bytes are here for a video; False if it is not there to be claimed."""

    async def abandon_all(self, upload_ids: Sequence[UUID]) -> None:
        """Give up uploads that another one was made of."""

    async def abandon(self, upload_id: UUID) -> bool:
        """Give up an upload that no video uses; False if there is none such. From now on it looks as if gone."""

    async def abandon_old(self, *, older_than_s: float, limit: int) -> Sequence[UUID]:
        """Give up uploads that no video came to use; returns these, and those whose removal was begun before."""

    async def missing(self, upload_ids: Sequence[UUID]) -> Sequence[UUID]:
        """Those of these ids that no upload has."""

    async def forget(self, upload_ids: Sequence[UUID]) -> None:
        """Forget abandoned uploads, once their bytes are gone."""

    async def erase(self, upload_id: UUID) -> None:
        """Forget an upload, whatever became of it."""


class Videos(Protocol):
    """Videos of one tenant."""

    async def add(self, video: Video) -> None:
        """Record a video."""

    async def get(self, video_id: UUID, *, lock: bool = False) -> Video | None:
        """One video; locked, nobody else changes it before this transaction ends."""

    async def of_upload(self, upload_id: UUID) -> Video | None:
        """The video that was made of an upload, locked."""

    async def twin(self, sha256: str, *, lock: bool = False) -> Video | None:
        """The first video there is of these bytes."""

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Video]:
        """The newest videos that are not erased, older than the one named ``before``."""

    async def save(self, video: Video) -> None:
        """Overwrite what may change of a video."""


class Scripts(Protocol):
    """Scripts of one tenant."""

    async def announce(self, script: Script) -> None:
        """Note that the text of a script is about to be stored; nobody else sees it yet."""

    async def record(self, script_id: UUID) -> bool:
        """Make an announced script one that is there; False if it was forgotten meanwhile."""

    async def announced_long_ago(self, *, older_than_s: float, limit: int) -> Mapping[UUID, str]:
        """Scripts that were announced and never recorded, locked, with the keys of their texts."""

    async def forget(self, script_ids: Iterable[UUID]) -> None:
        """Forget announced scripts, once their texts are gone."""

    async def get(self, script_id: UUID) -> Script | None:
        """One script."""

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Script]:
        """The newest scripts, older than the one named ``before``."""


class Jobs(Protocol):
    """Jobs of one tenant."""

    async def add(self, job: Job) -> None:
        """Record a job."""

    async def get(self, job_id: UUID, *, lock: bool = False) -> Job | None:
        """One job; locked, nobody else changes it before this transaction ends."""

    async def of_video(self, video_id: UUID) -> Sequence[Job]:
        """All jobs of a video, locked, in the order of their ids so that two transactions never wait crosswise."""

    async def of_script(self, script_id: UUID) -> Sequence[Job]:
        """All jobs of a script, locked, in the order of their ids."""

    async def page(self, narrowed: Narrowed, *, before: UUID | None, limit: int) -> Sequence[Job]:
        """The newest jobs, older than the one named ``before``."""

    async def save(self, job: Job) -> None:
        """Overwrite what may change of a job."""

    async def unfinished(self) -> int:
        """Unfinished jobs of all tenants."""

    async def unfinished_while_adding(self) -> tuple[int, int]:
        """Unfinished jobs of this tenant and of all. Whoever else asks waits until this transaction has ended."""


class Replies(Protocol):
    """First answers, kept for a day."""

    async def claim(self, caller: Caller, key: str, request_hash: str) -> Reply | None:
        """Claim a key within this transaction, waiting for another that holds it; the reply if it has one."""

    async def keep(self, caller: Caller, key: str, *, status: int, body: bytes, about: Collection[UUID] = ()) -> None:
        """Keep the answer with the claimed key. ``about``: the ids in it, where it is sealed."""

    async def forget_old(self, *, limit: int) -> int:
        """Forget the tenant's answers that are older than a day; returns how many."""


class Records(Protocol):
    """All rows of the gateway, through one connection."""

    @property
    def people(self) -> People: ...  # noqa: D102 (the name says it)
    @property
    def refresh_tokens(self) -> RefreshTokens: ...  # noqa: D102
    @property
    def sessions(self) -> Sessions: ...  # noqa: D102
    @property
    def api_keys(self) -> ApiKeys: ...  # noqa: D102
    @property
    def attempts(self) -> Attempts: ...  # noqa: D102
    @property
    def uploads(self) -> Uploads: ...  # noqa: D102
    @property
    def transfers(self) -> Transfers: ...  # noqa: D102
    @property
    def videos(self) -> Videos: ...  # noqa: D102
    @property
    def scripts(self) -> Scripts: ...  # noqa: D102
    @property
    def jobs(self) -> Jobs: ...  # noqa: D102
    @property
    def replies(self) -> Replies: ...  # noqa: D102
    @property
    def events(self) -> Events: ...  # noqa: D102
    @property
    def search(self) -> SearchIndex: ...  # noqa: D102
    @property
    def webhooks(self) -> Webhooks: ...  # noqa: D102
    @property
    def deliveries(self) -> Deliveries: ...  # noqa: D102
    @property
    def audit(self) -> Audit: ...  # noqa: D102
    @property
    def seals(self) -> Seals: ...  # noqa: D102
    @property
    def findings(self) -> Findings: ...  # noqa: D102
    @property
    def reviews(self) -> Reviews: ...  # noqa: D102
    @property
    def logos(self) -> Logos: ...  # noqa: D102
    @property
    def runners(self) -> Runners: ...  # noqa: D102
    @property
    def erasures(self) -> Erasures: ...  # noqa: D102
    @property
    def held(self) -> Holdings: ...  # noqa: D102
    @property
    def retentions(self) -> Retentions: ...  # noqa: D102
    @property
    def exports(self) -> Exports: ...  # noqa: D102
    @property
    def usage(self) -> UsageBook: ...  # noqa: D102
    @property
    def quotas(self) -> QuotaBook: ...  # noqa: D102


RecordsOn = Callable[[AsyncConnection], Records]
