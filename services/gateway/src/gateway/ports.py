"""What the use cases need from outside: rows, secrets, and word of changes."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import UnitOfWork
from gateway.domain.access import Caller, Role
from gateway.domain.jobs import Job
from gateway.domain.library import Script, Upload, Video

__all__ = [
    "Bell",
    "Changes",
    "Jobs",
    "Passwords",
    "People",
    "Records",
    "RecordsOn",
    "RefreshToken",
    "RefreshTokens",
    "Replies",
    "Reply",
    "Scripts",
    "TokenMint",
    "Uploads",
    "User",
    "Videos",
]


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in."""

    id: UUID
    tenant_id: UUID
    email: str
    password_hash: str
    role: Role


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as it is kept: by its hash. All that grew out of one sign-in are a family."""

    token_hash: str
    family_id: UUID
    user_id: UUID
    expires_at: datetime
    used: bool = False
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The first answer to a request that carried an Idempotency-Key."""

    request_hash: str
    status: int
    body: bytes


class People(Protocol):
    """Tenants and users."""

    async def user_by_email(self, email: str) -> User | None:
        """The user of this address, of whatever tenant; for signing in only."""

    async def user(self, user_id: UUID) -> User | None:
        """One user of the tenant."""

    async def tenant_named(self, name: str) -> UUID | None:
        """The tenant of this name; for setting up only."""

    async def tenant_ids(self, *, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Who the tenants are, in order, page by page; for the sweep only."""

    async def tenant_name(self) -> str | None:
        """The name of the transaction's tenant."""

    async def add_tenant(self, tenant_id: UUID, name: str) -> None:
        """Record a tenant."""

    async def add_user(self, user: User) -> None:
        """Record a user."""

    async def set_password(self, user_id: UUID, password_hash: str) -> None:
        """Replace a user's password."""


class RefreshTokens(Protocol):
    """Refresh tokens of one tenant."""

    async def add(self, token: RefreshToken) -> None:
        """Record a token that was handed out."""

    async def use(self, token_hash: str) -> tuple[RefreshToken, bool] | None:
        """Mark a token used and return it, with whether this was its first use; None if it is unknown."""

    async def revoke_family(self, family_id: UUID) -> None:
        """Make every token of a sign-in worthless."""

    async def revoke_user(self, user_id: UUID) -> None:
        """Make every token of a user worthless."""


class Uploads(Protocol):
    """Uploads of one tenant."""

    async def add(self, upload: Upload) -> None:
        """Record an upload that waits for its bytes."""

    async def get(self, upload_id: UUID) -> Upload | None:
        """One upload."""

    async def receive(self, upload_id: UUID, *, key: str, size_bytes: int, sha256: str) -> bool:
        """Record that the bytes are here; False if they were before, or the upload is gone."""

    async def use(self, upload_id: UUID) -> bool:
        """Claim a received upload for a video; False if it is not there to be claimed."""

    async def abandon(self, upload_id: UUID) -> bool:
        """Give up an upload that no video uses; False if there is none such. From now on it looks as if gone."""

    async def abandon_old(self, *, older_than_s: float, limit: int) -> Sequence[UUID]:
        """Give up uploads that no video came to use; returns these, and those whose removal was begun before."""

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

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Video]:
        """The newest videos that are not erased, older than the one named ``before``."""

    async def save(self, video: Video) -> None:
        """Overwrite what may change of a video."""


class Scripts(Protocol):
    """Scripts of one tenant."""

    async def add(self, script: Script) -> None:
        """Record a script."""

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

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Job]:
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

    async def keep(self, caller: Caller, key: str, *, status: int, body: bytes) -> None:
        """Keep the answer with the claimed key."""

    async def forget_old(self, *, limit: int) -> int:
        """Forget the tenant's answers that are older than a day; returns how many."""


class Records(Protocol):
    """All rows of the gateway, through one connection."""

    @property
    def people(self) -> People: ...  # noqa: D102 (the name says it)
    @property
    def refresh_tokens(self) -> RefreshTokens: ...  # noqa: D102
    @property
    def uploads(self) -> Uploads: ...  # noqa: D102
    @property
    def videos(self) -> Videos: ...  # noqa: D102
    @property
    def scripts(self) -> Scripts: ...  # noqa: D102
    @property
    def jobs(self) -> Jobs: ...  # noqa: D102
    @property
    def replies(self) -> Replies: ...  # noqa: D102


RecordsOn = Callable[[AsyncConnection], Records]


class Passwords(Protocol):
    """Password hashing: slow on purpose, and off the event loop."""

    async def hash(self, password: str) -> str:
        """A salted hash."""

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether they match; takes as long when there is no hash, so that nobody learns which users exist."""


class TokenMint(Protocol):
    """Access tokens."""

    async def issue(self, caller: Caller, *, lifetime_s: int) -> str:
        """A signed access token."""

    async def read(self, token: str) -> Caller:
        """Who a token speaks for; ``Unauthenticated`` if it is not ours, forged or expired."""

    async def public_keys(self) -> dict[str, list[dict[str, str]]]:
        """The keys that verify our tokens, as a JSON Web Key Set."""


class Bell(Protocol):
    """Rings when the job one listens for may have changed."""

    async def wait(self, seconds: float) -> None:
        """Return at the next ring, or after ``seconds``."""


class Changes(Protocol):
    """Word of changed jobs, to whoever listens in whichever replica. It may get lost: look for yourself at times."""

    def note(self, work: UnitOfWork, job_id: UUID) -> None:
        """Pass the word on once the work is committed."""

    def listen(self, job_id: UUID) -> AbstractAsyncContextManager[Bell]:
        """A bell for one job."""

    @property
    def reliable(self) -> bool:
        """Whether word comes through at the moment."""

    @property
    def over(self) -> bool:
        """Whether this replica is about to go: who listens should stop, and ask another one."""
