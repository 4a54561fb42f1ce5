"""Who is signed in where, and ending that; and changing one's password, which ends it everywhere else."""

from collections.abc import Sequence
from uuid import UUID

from chassis.database import Database
from gateway.domain.access import Caller
from gateway.domain.refusals import Forbidden, InvalidRequest, NotFound
from gateway.ports import Passwords, Records, RecordsOn, Revocations, Session
from gateway.usecases.bootstrap import SHORTEST_PASSWORD
from gateway.usecases.check_password import CheckPassword
from gateway.usecases.sign_in import Lifetimes

__all__ = ["Sessions", "must_be_good"]


class Sessions:
    """Sign-ins of a user. Their access tokens are worthless the moment they end."""

    def __init__(
        self,
        database: Database,
        records_on: RecordsOn,
        check_password: CheckPassword,
        passwords: Passwords,
        revocations: Revocations,
        lifetimes: Lifetimes,
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._check_password = check_password
        self._passwords = passwords
        self._revocations = revocations
        self._lifetimes = lifetimes

    async def mine(self, caller: Caller) -> Sequence[Session]:
        """Where the caller is signed in, newest first."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).sessions.live(caller.user_id)

    async def end(self, caller: Caller, session_id: UUID) -> None:
        """End one of the caller's sessions. Raises NotFound."""
        async with self._database.begin(caller.tenant_id) as work:
            records = self._records_on(work.connection)
            session = await records.sessions.get(session_id)
            if session is None or session.user_id != caller.user_id:
                raise NotFound("there is no such session")
            await self._end(records, [session])
        await self._revocations.publish([session_id])

    async def end_others(self, caller: Caller) -> int:
        """End all sessions of the caller but this one; returns how many."""
        async with self._database.begin(caller.tenant_id) as work:
            ended = await self.end_all(self._records_on(work.connection), caller.user_id, but=caller.session_id)
        await self._revocations.publish(ended)
        return len(ended)

    async def change_password(self, caller: Caller, current: str, new: str, *, address: str) -> None:
        """Replace the caller's password and end their other sessions.

        Raises InvalidRequest, Forbidden for an API key, TooManyAttempts.
        """
        if caller.session_id is None:
            raise Forbidden("an API key cannot change a password: sign in")
        must_be_good(new, field="new_password")
        async with self._database.read(caller.tenant_id) as connection:
            user = await self._records_on(connection).people.user(caller.user_id)
        if user is None:
            raise NotFound("this user does not exist any more")
        if await self._check_password(user.email, current, address=address) is None:
            raise InvalidRequest("this is not your password", field="current_password")
        password_hash = await self._passwords.hash(new)
        async with self._database.begin(caller.tenant_id) as work:
            records = self._records_on(work.connection)
            await records.people.set_password(user.id, password_hash)
            ended = await self.end_all(records, user.id, but=caller.session_id)
        await self._revocations.publish(ended)

    async def end_all(self, records: Records, user_id: UUID, *, but: UUID | None = None) -> list[UUID]:
        """End a user's sessions within a transaction; publish what is returned once it is committed."""
        await records.people.user(user_id, lock=True)  # nobody signs in or refreshes meanwhile
        return await self._end(records, [one for one in await records.sessions.live(user_id) if one.id != but])

    async def end_within(self, records: Records, session_id: UUID) -> list[UUID]:
        """End a session within a transaction; publish what is returned once it is committed."""
        return list(await records.sessions.end([session_id], token_lifetime=self._lifetimes.remembered))

    async def publish(self, ended: Sequence[UUID]) -> None:
        """Tell every replica which sessions have ended, after the commit."""
        await self._revocations.publish(ended)

    async def _end(self, records: Records, sessions: Sequence[Session]) -> list[UUID]:
        ids = [session.id for session in sessions]
        return list(await records.sessions.end(ids, token_lifetime=self._lifetimes.remembered))


def must_be_good(password: str, *, field: str = "password") -> None:
    """Raise InvalidRequest for a password that is too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidRequest(f"the password needs at least {SHORTEST_PASSWORD} characters", field=field)
