"""Signing in, staying signed in, and noticing a stolen refresh token."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.database import Database
from chassis.telemetry import get_logger
from contracts import uuid7
from gateway.domain.access import Caller
from gateway.domain.refusals import InvalidGrant, NotFound
from gateway.ports import Passwords, Records, RecordsOn, RefreshToken, TokenMint, User

__all__ = ["Grant", "Identity", "SignIn"]

_log = get_logger(__name__)
_NO_TENANT = UUID(int=0)
_WRONG = "the user name or the password is wrong"
_STALE = "the refresh token is not valid any more; sign in with your password"


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody gets who signed in."""

    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds the access token lives."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the caller is, for people to read."""

    caller: Caller
    email: str
    tenant: str


class SignIn:
    """OAuth2's password and refresh grants."""

    def __init__(
        self,
        database: Database,
        records_on: RecordsOn,
        passwords: Passwords,
        tokens: TokenMint,
        *,
        access_token_s: int,
        refresh_token_s: int,
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._passwords = passwords
        self._tokens = tokens
        self._access_token_s = access_token_s
        self._refresh_lifetime = timedelta(seconds=refresh_token_s)

    async def with_password(self, email: str, password: str) -> Grant:
        """Begin a family of refresh tokens. Raises InvalidGrant, the same way whatever is wrong."""
        async with self._database.read(_NO_TENANT) as connection:
            user = await self._records_on(connection).people.user_by_email(email)
        matches = await self._passwords.verify(password, user.password_hash if user else None)
        if user is None or not matches:
            raise InvalidGrant(_WRONG)
        token, kept = self._new_refresh_token(user, family_id=uuid7())
        async with self._database.begin(user.tenant_id) as work:
            await self._records_on(work.connection).refresh_tokens.add(kept)
        return await self._grant(user, token)

    async def with_refresh_token(self, token: str) -> Grant:
        """Exchange a refresh token for the next one of its family.

        A token that comes a second time was stolen, or its thief was faster: nobody can tell, so the family ends
        (RFC 9700, section 4.14). Raises InvalidGrant.
        """
        tenant_id = _tenant_of(token)
        async with self._database.begin(tenant_id) as work:
            renewed = await self._rotate(self._records_on(work.connection), token)
        if renewed is None:
            raise InvalidGrant(_STALE)
        return await self._grant(*renewed)

    async def identity(self, caller: Caller) -> Identity:
        """Who the caller is. Raises NotFound for one who was removed since."""
        async with self._database.read(caller.tenant_id) as connection:
            people = self._records_on(connection).people
            user, tenant = await people.user(caller.user_id), await people.tenant_name()
        if user is None or tenant is None:
            raise NotFound("this user does not exist any more")
        return Identity(caller, user.email, tenant)

    async def _rotate(self, records: Records, token: str) -> tuple[User, str] | None:
        """The next token; None for one that is not good, after its family was revoked if it was used twice.

        It does not raise, because the revocation must be committed.
        """
        used = await records.refresh_tokens.use(_hash(token))
        if used is None:
            return None
        kept, first_use = used
        if not first_use:
            await records.refresh_tokens.revoke_family(kept.family_id)
            _log.warning("a refresh token came twice; its family is revoked", user=str(kept.user_id))
            return None
        user = await records.people.user(kept.user_id)
        if kept.revoked or kept.expires_at <= datetime.now(UTC) or user is None:
            return None
        successor, kept_successor = self._new_refresh_token(user, family_id=kept.family_id)
        await records.refresh_tokens.add(kept_successor)
        return user, successor

    def _new_refresh_token(self, user: User, *, family_id: UUID) -> tuple[str, RefreshToken]:
        """A token for the client and what we keep of it. It begins with the tenant, in whose rows it is looked up."""
        token = base64.urlsafe_b64encode(user.tenant_id.bytes + secrets.token_bytes(32)).decode()
        expires_at = datetime.now(UTC) + self._refresh_lifetime
        return token, RefreshToken(_hash(token), family_id, user.id, expires_at)

    async def _grant(self, user: User, refresh_token: str) -> Grant:
        caller = Caller(user.id, user.tenant_id, user.role)
        access_token = await self._tokens.issue(caller, lifetime_s=self._access_token_s)
        return Grant(access_token, refresh_token, self._access_token_s)


def _hash(token: str) -> str:
    """Tokens are 256 random bits: a plain digest is as good as a slow one."""
    return hashlib.sha256(token.encode()).hexdigest()


def _tenant_of(token: str) -> UUID:
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        return UUID(bytes=raw[:16])
    except ValueError:
        raise InvalidGrant(_STALE) from None
