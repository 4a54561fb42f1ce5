"""The people of a tenant: invited, given a role, disabled, removed. A tenant is never without an owner."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.database import Database, UnitOfWork
from chassis.telemetry import get_logger
from contracts import uuid7
from gateway.domain.access import Caller, Role, may_appoint
from gateway.domain.refusals import (
    EmailTaken,
    Forbidden,
    InvalidGrant,
    InvalidRequest,
    LastOwner,
    NotFound,
)
from gateway.ports import Invitation, Passwords, Records, RecordsOn, Session, User
from gateway.usecases import witness
from gateway.usecases.erasures import announce_erasure, open_erasure
from gateway.usecases.sessions import Sessions, must_be_good
from gateway.usecases.tokens import digest, new_token, tenant_of

__all__ = ["Invited", "Users"]

_log = get_logger(__name__)
_NOBODY = "there is no such user"
_VOID = "the invitation is not good any more; ask for another"


@dataclass(frozen=True, slots=True)
class Invited:
    """A user and what lets them choose a password. Nothing is sent: hand the token over by a way you trust."""

    user: User
    token: str
    until: datetime


class Users:
    """The users of the caller's tenant."""

    def __init__(
        self,
        database: Database,
        records_on: RecordsOn,
        passwords: Passwords,
        sessions: Sessions,
        *,
        invitation_s: int,
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._passwords = passwords
        self._sessions = sessions
        self._invitation = timedelta(seconds=invitation_s)

    async def page(self, caller: Caller, *, before: UUID | None, limit: int) -> Sequence[User]:
        """The newest users, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).people.page(before=before, limit=limit)

    async def get(self, caller: Caller, user_id: UUID) -> User:
        """One user. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            return _found(await self._records_on(connection).people.user(user_id))

    async def sessions(self, caller: Caller, user_id: UUID) -> Sequence[Session]:
        """Where a user is signed in. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            records = self._records_on(connection)
            _found(await records.people.user(user_id))
            return await records.sessions.live(user_id)

    async def invite(self, work: UnitOfWork, caller: Caller, *, email: str, role: Role) -> Invited:
        """Make a user who has no password yet. Raises EmailTaken, Forbidden."""
        _may(caller, role)
        people = self._records_on(work.connection).people
        invited = User(uuid7(), caller.tenant_id, email.lower(), None, role)
        if not await people.add_user(invited):
            raise EmailTaken("somebody signs in with this address already", field="email")
        return await self._invite(self._records_on(work.connection), caller, invited.id)

    async def invite_again(self, work: UnitOfWork, caller: Caller, user_id: UUID) -> Invited:
        """Let a user choose a new password; the one they have serves until they do. Raises NotFound, Forbidden."""
        records = self._records_on(work.connection)
        user = _found(await records.people.user(user_id, lock=True))
        _may(caller, user.role)
        return await self._invite(records, caller, user_id)

    async def accept(self, token: str, password: str) -> User:
        """Choose a password by an invitation, which ends every session there was. Raises InvalidGrant."""
        tenant_id = tenant_of(token)
        if tenant_id is None:
            raise InvalidGrant(_VOID)
        must_be_good(password)
        password_hash = await self._passwords.hash(password)
        async with self._database.begin(tenant_id) as work:
            records = self._records_on(work.connection)
            user = await records.people.invited(digest(token))
            if user is None or user.disabled:
                raise InvalidGrant(_VOID)
            witness.about(tenant_id, user.id)
            await records.people.set_password(user.id, password_hash)
            ended = await self._sessions.end_all(records, user.id)
        await self._sessions.publish(ended)
        return replace(user, password_hash=password_hash)

    async def change(
        self,
        caller: Caller,
        user_id: UUID,
        *,
        role: Role | None = None,
        disabled: bool | None = None,
        unless: Callable[[User], None] = lambda _: None,
    ) -> User:
        """Give another role, disable or enable. The user's sessions end, so that no token tells of what was.

        ``unless`` may object to what it finds. Raises NotFound, Forbidden, LastOwner.
        """
        async with self._database.begin(caller.tenant_id) as work:
            records = self._records_on(work.connection)
            owners = await records.people.able_owners()  # first, so that two owners cannot demote each other
            user = _found(await records.people.user(user_id, lock=True))
            unless(user)
            changed = replace(
                user,
                role=user.role if role is None else role,
                disabled=user.disabled if disabled is None else disabled,
            )
            if changed == user:
                return user
            _may(caller, user.role)
            _may(caller, changed.role)
            _leaves_an_owner(owners, user, stays=changed.role is Role.OWNER and not changed.disabled)
            await records.people.save_user(changed)
            ended = await self._sessions.end_all(records, user_id)
        await self._sessions.publish(ended)
        _log.info("a user was changed", user=str(user_id), role=changed.role.value, disabled=changed.disabled)
        return changed

    async def remove(self, caller: Caller, user_id: UUID, *, unless: Callable[[User], None] = lambda _: None) -> UUID:
        """Erase a user with their sessions and keys; ``unless`` may object. Returns the erasure.

        Raises NotFound, Forbidden, LastOwner.
        """
        async with self._database.begin(caller.tenant_id) as work:
            records = self._records_on(work.connection)
            owners = await records.people.able_owners()
            user = _found(await records.people.user(user_id, lock=True))
            unless(user)
            _may(caller, user.role)
            _leaves_an_owner(owners, user, stays=False)
            ended = await self._sessions.end_all(records, user_id)
            rows = await records.erasures.rows_of_user(user_id)
            erasure = await open_erasure(records, "user", user_id, rows=rows)
            await announce_erasure(work, erasure)
        await self._sessions.publish(ended)
        return erasure.id

    async def end_sessions(self, caller: Caller, user_id: UUID) -> None:
        """Sign a user out everywhere. Raises NotFound, Forbidden."""
        async with self._database.begin(caller.tenant_id) as work:
            records = self._records_on(work.connection)
            user = _found(await records.people.user(user_id))
            _may(caller, user.role)
            ended = await self._sessions.end_all(records, user_id)
        await self._sessions.publish(ended)

    async def _invite(self, records: Records, caller: Caller, user_id: UUID) -> Invited:
        user = _found(await records.people.user(user_id))
        if user.disabled:
            raise InvalidRequest("this user is disabled: enable them first")
        token, until = new_token(user.tenant_id), datetime.now(UTC) + self._invitation
        await records.people.invite(user.id, Invitation(digest(token), until, caller.user_id))
        return Invited(user, token, until)


def _found(user: User | None) -> User:
    if user is None:
        raise NotFound(_NOBODY)
    return user


def _may(caller: Caller, role: Role) -> None:
    if not may_appoint(caller.role, role):
        raise Forbidden(f"the role {caller.role.value} cannot make or change a user with the role {role.value}")


def _leaves_an_owner(owners: Sequence[UUID], user: User, *, stays: bool) -> None:
    if not stays and list(owners) == [user.id]:
        raise LastOwner("this is the only owner who can sign in: make somebody else an owner first")
