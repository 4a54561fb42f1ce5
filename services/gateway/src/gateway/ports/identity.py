"""What signing in needs from outside: people, sessions, keys, secrets."""

from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from gateway.domain.access import Caller, Right, Role
from gateway.domain.lockout import Tally

__all__ = [
    "ApiKey",
    "ApiKeys",
    "Attempts",
    "Invitation",
    "Origin",
    "Passwords",
    "People",
    "RefreshToken",
    "RefreshTokens",
    "Revocations",
    "Seal",
    "Session",
    "Sessions",
    "TokenMint",
    "User",
]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from."""

    address: str
    """The network address; of IPv6 the /64, within which anybody has as many as they like."""
    agent: str
    """What the program calls itself."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in, once they have a password and unless they are disabled."""

    id: UUID
    tenant_id: UUID
    email: str
    password_hash: str | None
    role: Role
    disabled: bool = False
    created_at: datetime | None = None
    """Filled in by the database."""
    came_by_provider: bool = False
    """Whether an identity provider has vouched for them: who has no password may sign in all the same."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What lets somebody choose a password, kept by its hash."""

    token_hash: str
    until: datetime
    by: UUID
    """Who gave it: it is void when they may give none any more."""


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in and all tokens that grew out of it."""

    id: UUID
    user_id: UUID
    origin: Origin
    expires_at: datetime
    scopes: frozenset[Right] | None = None
    created_at: datetime | None = None
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token, kept by its hash. All that grew out of one sign-in are a family, with the id of the session."""

    token_hash: str
    family_id: UUID
    user_id: UUID
    expires_at: datetime
    used: bool = False
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key for a program. It acts for the user who made it, within its scopes."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    """How the key begins, to recognise it by."""
    key_hash: str
    scopes: frozenset[Right]
    expires_at: datetime | None = None
    created_at: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class People(Protocol):
    """Tenants and users."""

    async def user_by_email(self, email: str) -> User | None:
        """The user of this address, of whatever tenant; for signing in only."""

    async def user(self, user_id: UUID, *, lock: bool = False) -> User | None:
        """One user of the tenant; locked, nobody else changes it before this transaction ends."""

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[User]:
        """The newest users, older than the one named ``before``."""

    async def able_owners(self) -> Sequence[UUID]:
        """The owners who can sign in; all of them stay locked until the transaction ends."""

    async def tenant_named(self, name: str) -> UUID | None:
        """The tenant of this name; for setting up only."""

    async def tenant_ids(self, *, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Who the tenants are, in order, page by page; for the sweep only."""

    async def tenant_name(self, *, lock: bool = False) -> str | None:
        """The name of the transaction's tenant; locked, nobody else changes it before this transaction ends."""

    async def rename_tenant(self, name: str) -> bool:
        """Give the transaction's tenant another name; False, and the transaction is lost, if another tenant has it."""

    async def add_tenant(self, tenant_id: UUID, name: str) -> None:
        """Record a tenant."""

    async def add_user(self, user: User) -> bool:
        """Record a user; False if the address is somebody's."""

    async def save_user(self, user: User) -> None:
        """Overwrite a user's role and whether they are disabled."""

    async def remove_user(self, user_id: UUID) -> None:
        """Forget a user with their sessions and keys."""

    async def set_password(self, user_id: UUID, password_hash: str) -> None:
        """Replace a user's password, and forget their invitation."""

    async def invite(self, user_id: UUID, invitation: Invitation) -> None:
        """Let the bearer of a token choose the user's password; an invitation before this one is void."""

    async def invited(self, token_hash: str) -> User | None:
        """Who holds this invitation, locked; None if it is unknown, has expired, or who gave it is let in no more."""


class Sessions(Protocol):
    """Sign-ins of one tenant."""

    async def add(self, session: Session) -> None:
        """Record a session, and forget those of the user that are long over."""

    async def get(self, session_id: UUID) -> Session | None:
        """A session that has not ended."""

    async def live(self, user_id: UUID) -> Sequence[Session]:
        """The user's sessions that go on, newest first."""

    async def touch(self, session_id: UUID, expires_at: datetime) -> None:
        """Note that the session was used, and until when it can go on."""

    async def known_from(self, user_id: UUID, address: str) -> bool:
        """Whether the user signed in from this address before."""

    async def end(self, session_ids: Sequence[UUID], *, token_lifetime: timedelta) -> Sequence[UUID]:
        """End those that go on, with their refresh tokens; access tokens are refused for as long as they could live."""


class RefreshTokens(Protocol):
    """Refresh tokens of one tenant."""

    async def add(self, token: RefreshToken) -> None:
        """Record a token that was handed out."""

    async def use(self, token_hash: str) -> tuple[RefreshToken, bool] | None:
        """Mark a token used and return it, with whether this was its first use; None if it is unknown."""


class ApiKeys(Protocol):
    """API keys of one tenant."""

    async def add(self, key: ApiKey) -> None:
        """Record a key."""

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[ApiKey]:
        """The newest keys, older than the one named ``before``."""

    async def get(self, key_id: UUID) -> ApiKey | None:
        """One key."""

    async def good(self, key_hash: str) -> tuple[ApiKey, User] | None:
        """A key that is neither revoked nor expired, and its user if not disabled."""

    async def holder(self, key_hash: str) -> tuple[UUID, UUID] | None:
        """A key, good or not, and whose it is."""

    async def touch(self, key_id: UUID) -> None:
        """Note that the key was used just now."""

    async def revoke(self, key_id: UUID) -> None:
        """Make a key worthless."""


class Attempts(Protocol):
    """Failed sign-ins of everybody, counted by subject."""

    async def lock(self, subjects: Sequence[str]) -> dict[str, Tally]:
        """The counts, locked until the transaction ends."""

    async def save(self, tallies: dict[str, Tally]) -> None:
        """Overwrite counts."""

    async def forget(self, subjects: Sequence[str]) -> None:
        """Drop counts, and whatever was counted too long ago to matter."""


class Passwords(Protocol):
    """Password hashing: slow on purpose, and off the event loop."""

    async def hash(self, password: str) -> str:
        """A salted hash."""

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether they match; takes as long when there is no hash, so that nobody learns which users exist."""

    def outdated(self, password_hash: str) -> bool:
        """Whether this hash was made with weaker parameters than those of today."""


class TokenMint(Protocol):
    """Access tokens."""

    async def issue(self, caller: Caller, *, lifetime_s: int) -> str:
        """A signed access token."""

    async def read(self, token: str) -> Caller:
        """Who a token speaks for; ``Unauthenticated`` if it is not ours, forged or expired."""

    async def public_keys(self) -> dict[str, list[dict[str, str]]]:
        """The keys that verify our tokens, as a JSON Web Key Set."""


class Revocations(Protocol):
    """The sessions whose access tokens are refused though they have not expired."""

    async def publish(self, session_ids: Sequence[UUID]) -> None:
        """Tell every replica about sessions whose end is committed."""

    def ahead(self, session_id: UUID) -> Future[Any] | None:
        """Ask about a session already, for ``revoked`` to read; None where that would not help."""

    async def revoked(self, session_id: UUID, *, ahead: Future[Any] | None = None) -> bool:
        """Whether a session was ended."""


class Seal(Protocol):
    """Encrypts what must not be readable in the database alone."""

    def close(self, secret: bytes) -> bytes:
        """Encrypt."""

    def open(self, sealed: bytes) -> bytes | None:
        """Decrypt; None for what was sealed with another secret, or tampered with."""
