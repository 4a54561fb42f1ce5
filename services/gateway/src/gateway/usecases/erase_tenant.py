"""Erasing a tenant: everything of everybody, everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.database import Database, UnitOfWork
from gateway.domain.access import Caller
from gateway.domain.erasures import Erasure
from gateway.domain.refusals import InvalidRequest
from gateway.ports import Records, RecordsOn, Revocations
from gateway.usecases.erasures import announce_erasure, open_erasure
from gateway.usecases.sessions import Sessions
from gateway.usecases.tokens import digest, new_token

__all__ = ["EraseTenant", "TenantErasure"]


@dataclass(frozen=True, slots=True)
class TenantErasure:
    """An erasure, and what its receipt can be had with when nobody of the tenant can sign in any more."""

    erasure: Erasure
    receipt_token: str
    ended: tuple[UUID, ...]
    """Sessions that ended with it; tell of them once it is committed."""


class EraseTenant:
    """From the moment it is asked for, only who asked can still see anything, until that is over too."""

    def __init__(self, database: Database, records_on: RecordsOn, sessions: Sessions, revocations: Revocations) -> None:
        self._database = database
        self._records_on = records_on
        self._sessions = sessions
        self._revocations = revocations

    async def __call__(self, work: UnitOfWork, caller: Caller, *, name: str) -> TenantErasure:
        """Begin. Raises InvalidRequest unless the tenant is called by its name."""
        records = self._records_on(work.connection)
        if name != await records.people.tenant_name():
            raise InvalidRequest("to erase your tenant, say its name exactly", field="name")
        before = await records.erasures.of(caller.tenant_id)
        if before is not None:
            raise InvalidRequest("this tenant is being erased already")
        ended = await self._shut_out(records, caller.user_id)
        token = new_token(caller.tenant_id)
        erasure = await open_erasure(records, "tenant", caller.tenant_id, token_hash=digest(token))
        await announce_erasure(work, erasure)
        return TenantErasure(erasure, token, tuple(ended))

    async def publish(self, ended: Sequence[UUID]) -> None:
        """Tell every replica which sessions have ended, after the commit."""
        await self._revocations.publish(ended)

    async def end_everything(self, tenant_id: UUID) -> None:
        """Sign out whoever is left, at the very end: their tokens would outlive them."""
        ended: list[UUID] = []
        async with self._database.begin(tenant_id) as work:
            records = self._records_on(work.connection)
            for user in await _everybody(records):
                ended += await self._sessions.end_all(records, user)
        await self._revocations.publish(ended)

    async def _shut_out(self, records: Records, but: UUID) -> list[UUID]:
        ended: list[UUID] = []
        for user in await _everybody(records):
            if user != but:
                ended += await self._sessions.end_all(records, user)
                await records.people.remove_user(user)
        return ended


async def _everybody(records: Records) -> list[UUID]:
    users: list[UUID] = []
    while found := await records.people.page(before=users[-1] if users else None, limit=100):
        users += [user.id for user in found]
    return users
