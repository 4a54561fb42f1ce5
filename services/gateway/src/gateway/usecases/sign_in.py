"""Signing in, staying signed in, and noticing a stolen refresh token."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.database import Database, UnitOfWork
from chassis.telemetry import get_logger
from contracts import uuid7
from gateway.domain.access import RIGHTS_OF, Caller, Right, Role
from gateway.domain.refusals import InvalidGrant, NotFound
from gateway.ports import Origin, Records, RecordsOn, RefreshToken, Revocations, Session, TokenMint, User
from gateway.usecases import witness
from gateway.usecases.check_password import CheckPassword
from gateway.usecases.tokens import digest, new_token, tenant_of

__all__ = ["Begun", "Grant", "Identity", "Lifetimes", "SignIn"]

_log = get_logger(__name__)
_WRONG = "the user name or the password is wrong"
_STALE = "the refresh token is not valid any more; sign in with your password"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long tokens are good."""

    access_s: int
    refresh_s: int

    @property
    def remembered(self) -> timedelta:
        """How long an ended session has to be remembered: longer than any access token of it lives."""
        return timedelta(seconds=self.access_s + 60)


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody gets who signed in."""

    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds the access token lives."""
    rights: frozenset[Right]


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that begins, and its first refresh token."""

    user: User
    session: Session
    refresh_token: str


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
        check_password: CheckPassword,
        tokens: TokenMint,
        revocations: Revocations,
        lifetimes: Lifetimes,
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._check_password = check_password
        self._tokens = tokens
        self._revocations = revocations
        self._lifetimes = lifetimes

    async def with_password(
        self, email: str, password: str, origin: Origin, *, scopes: Iterable[str] | None = None
    ) -> Grant:
        """Begin a session. Raises InvalidGrant, the same way whoever or whatever is wrong; TooManyAttempts."""
        user = await self._check_password(email, password, address=origin.address)
        if user is None:
            raise InvalidGrant(_WRONG)
        return await self.begin(user, origin, scopes=scopes)

    async def begin(self, user: User, origin: Origin, *, scopes: Iterable[str] | None = None) -> Grant:
        """Begin a session for somebody whose password was right just now. Raises InvalidGrant if it no longer is."""
        async with self._database.begin(user.tenant_id) as work:
            begun = await self.begin_within(work, user, origin, scopes=scopes)
        return await self.grant(begun)

    async def begin_within(
        self, work: UnitOfWork, user: User, origin: Origin, *, scopes: Iterable[str] | None
    ) -> Begun:
        """Begin a session in a transaction; ``grant`` it once that is committed. Raises InvalidGrant."""
        narrowed = None if scopes is None else _narrowed(scopes, RIGHTS_OF[user.role])
        session = Session(uuid7(), user.id, origin, self._refresh_until(), narrowed)
        records = self._records_on(work.connection)
        if await records.people.user(user.id, lock=True) != user:  # changed, disabled, removed meanwhile
            raise InvalidGrant(_WRONG)
        await records.sessions.add(session)
        witness.in_session(session.id)
        return Begun(user, session, await self._hand_out(records, user, session.id))

    async def grant(self, begun: Begun) -> Grant:
        """The tokens of a session that has begun."""
        return await self._grant(begun.user, begun.session, begun.refresh_token)

    async def with_refresh_token(self, token: str, *, scopes: Iterable[str] | None = None) -> Grant:
        """Exchange a refresh token for the next one of its family.

        A token that comes a second time was stolen, or its thief was faster: nobody can tell, so the session ends
        (RFC 9700, section 4.14). That also holds for two uses at one moment. Raises InvalidGrant.
        """
        tenant_id = tenant_of(token)
        if tenant_id is None:
            raise InvalidGrant(_STALE)
        async with self._database.begin(tenant_id) as work:
            renewed = await self._rotate(self._records_on(work.connection), token)
        if isinstance(renewed, UUID):
            await self._revocations.publish([renewed])
            raise InvalidGrant(_STALE)
        if renewed is None:
            raise InvalidGrant(_STALE)
        user, session, successor = renewed
        if scopes is not None:  # of this access token; the session keeps what it has
            session = replace(session, scopes=_narrowed(scopes, _rights(user.role, session.scopes)))
        return await self._grant(user, session, successor)

    async def sign_out(self, token: str) -> None:
        """End the session of a refresh token; one that is not good any more is none (RFC 7009)."""
        tenant_id = tenant_of(token)
        if tenant_id is None:
            return
        async with self._database.begin(tenant_id) as work:
            records = self._records_on(work.connection)
            used = await records.refresh_tokens.use(digest(token))
            if used is not None:
                witness.about(tenant_id, used[0].user_id, session_id=used[0].family_id)
            ended = [] if used is None else await self._end(records, used[0].family_id)
        await self._revocations.publish(ended)

    async def identity(self, caller: Caller) -> Identity:
        """Who the caller is. Raises NotFound for one who was removed since."""
        async with self._database.read(caller.tenant_id) as connection:
            people = self._records_on(connection).people
            user, tenant = await people.user(caller.user_id), await people.tenant_name()
        if user is None or tenant is None:
            raise NotFound("this user does not exist any more")
        return Identity(caller, user.email, tenant)

    async def _rotate(self, records: Records, token: str) -> tuple[User, Session, str] | UUID | None:
        """The next token; None for one that is not good; the session that was ended because a token came twice.

        It does not raise, because the end of the session must be committed.
        """
        used = await records.refresh_tokens.use(digest(token))
        if used is None:
            return None
        kept, first_use = used
        tenant_id = tenant_of(token)
        if tenant_id is not None:
            witness.about(tenant_id, kept.user_id, session_id=kept.family_id)
        if not first_use:
            witness.remark("a refresh token came twice; its session is ended")
            _log.warning("a refresh token came twice; its session is ended", user=str(kept.user_id))
            await self._end(records, kept.family_id)
            return kept.family_id
        user = await records.people.user(kept.user_id)
        session = await records.sessions.get(kept.family_id)
        if kept.revoked or kept.expires_at <= datetime.now(UTC) or user is None or user.disabled or session is None:
            return None
        await records.sessions.touch(session.id, self._refresh_until())
        return user, session, await self._hand_out(records, user, session.id)

    async def _end(self, records: Records, session_id: UUID) -> list[UUID]:
        return list(await records.sessions.end([session_id], token_lifetime=self._lifetimes.remembered))

    async def _hand_out(self, records: Records, user: User, session_id: UUID) -> str:
        token = new_token(user.tenant_id)
        await records.refresh_tokens.add(RefreshToken(digest(token), session_id, user.id, self._refresh_until()))
        return token

    def _refresh_until(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._lifetimes.refresh_s)

    async def _grant(self, user: User, session: Session, refresh_token: str) -> Grant:
        caller = Caller(user.id, user.tenant_id, user.role, session.id, session.scopes)
        access_token = await self._tokens.issue(caller, lifetime_s=self._lifetimes.access_s)
        return Grant(access_token, refresh_token, self._lifetimes.access_s, caller.rights)


def _rights(role: Role, scopes: frozenset[Right] | None) -> frozenset[Right]:
    return RIGHTS_OF[role] if scopes is None else RIGHTS_OF[role] & scopes


def _narrowed(asked: Iterable[str], carried: frozenset[Right]) -> frozenset[Right]:
    """What was asked for and is carried. Raises InvalidGrant for what is no right, or where nothing is left."""
    wanted = set(asked)
    unknown = sorted(wanted - set(Right))
    narrowed = frozenset(right for right in carried if right.value in wanted)
    if unknown or not narrowed:
        detail = f"there is no scope {unknown[0][:100]}" if unknown else "your role carries none of these scopes"
        raise InvalidGrant(detail, error="invalid_scope", field="scope")
    return narrowed
