"""Keys for programs: made once, shown once, narrowed to scopes, ended by expiry or revocation."""

from asyncio import Future
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis.database import Database, UnitOfWork
from contracts import uuid7
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import Forbidden, InvalidRequest, NotFound, Unauthenticated
from gateway.ports import ApiKey, RecordsOn, Revocations, TokenMint
from gateway.usecases import witness
from gateway.usecases.tokens import digest, new_token, tenant_of

__all__ = ["KEY_MARK", "ApiKeys", "MadeKey", "Recognize"]

KEY_MARK = "mck_"
"""How every key begins, so that scanners for leaked secrets can find ours."""


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key and its secret, which nobody can see again."""

    key: ApiKey
    secret: str


class ApiKeys:
    """The keys of the caller's tenant. A key acts for the user who made it, with no more than that user may do."""

    def __init__(self, database: Database, records_on: RecordsOn) -> None:
        self._database = database
        self._records_on = records_on

    async def page(self, caller: Caller, *, before: UUID | None, limit: int) -> Sequence[ApiKey]:
        """The newest keys, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).api_keys.page(before=before, limit=limit)

    async def get(self, caller: Caller, key_id: UUID) -> ApiKey:
        """One key, without its secret. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            return _found(await self._records_on(connection).api_keys.get(key_id))

    async def make(
        self, work: UnitOfWork, caller: Caller, *, name: str, scopes: Iterable[Right], expires_at: datetime | None
    ) -> MadeKey:
        """Make a key. Raises Forbidden for scopes the caller does not have, InvalidRequest for a time that is over."""
        wanted = frozenset(scopes)
        beyond = sorted(wanted - caller.rights)
        if beyond:
            raise Forbidden(f"you cannot give away what you do not have: {', '.join(beyond)}", field="scopes")
        if expires_at is not None and expires_at <= datetime.now(UTC):
            raise InvalidRequest("the key would have expired already", field="expires_at")
        key_id = uuid7()
        prefix = f"{KEY_MARK}{key_id.hex[-8:]}"
        secret = f"{prefix}_{new_token(caller.tenant_id)}"
        key = ApiKey(key_id, caller.user_id, name, prefix, digest(secret), wanted, expires_at)
        keys = self._records_on(work.connection).api_keys
        await keys.add(key)
        return MadeKey(_found(await keys.get(key_id)), secret)

    async def revoke(self, caller: Caller, key_id: UUID) -> None:
        """Make a key worthless, at once; one that is so already stays so. Raises NotFound."""
        async with self._database.begin(caller.tenant_id) as work:
            keys = self._records_on(work.connection).api_keys
            _found(await keys.get(key_id))
            await keys.revoke(key_id)


class Recognize:
    """Who a bearer is: somebody with an access token, or a program with an API key."""

    def __init__(self, database: Database, records_on: RecordsOn, tokens: TokenMint, revocations: Revocations) -> None:
        self._database = database
        self._records_on = records_on
        self._tokens = tokens
        self._revocations = revocations

    async def __call__(self, bearer: str, *, read: Caller | None = None, ahead: Future[Any] | None = None) -> Caller:
        """The caller. Raises Unauthenticated.

        ``read`` is whom the token speaks for, if it was verified just now, and ``ahead`` what was asked about its
        session with this very request.
        """
        if bearer.startswith(KEY_MARK):
            return await self._program(bearer)
        caller = read or await self._tokens.read(bearer)
        witness.known(caller)
        if caller.session_id is None or await self._revocations.revoked(caller.session_id, ahead=ahead):
            raise Unauthenticated("this session was ended; sign in again")
        return caller

    async def _program(self, secret: str) -> Caller:
        """Looked up at every request: a key that is revoked, or whose user is disabled, ends with that commit."""
        tenant_id = tenant_of(secret[len(KEY_MARK) + 9 :])
        if tenant_id is None:
            raise Unauthenticated("this is not an API key of ours")
        async with self._database.read(tenant_id) as connection:
            keys = self._records_on(connection).api_keys
            found = await keys.good(digest(secret))
            holder = await keys.holder(digest(secret)) if found is None else None
        if found is None:
            if holder is not None:  # it was good once: whoever shows it now is worth a line
                witness.about(tenant_id, holder[1], key_id=holder[0])
            raise Unauthenticated("the API key is unknown, expired or revoked")
        key, user = found
        await self._note_use(tenant_id, key)
        caller = Caller(user.id, user.tenant_id, user.role, None, key.scopes, key.id)
        witness.known(caller)
        return caller

    async def _note_use(self, tenant_id: UUID, key: ApiKey) -> None:
        if key.used_at is not None and (datetime.now(UTC) - key.used_at).total_seconds() < 60:
            return  # a request is not a write
        async with self._database.begin(tenant_id) as work:
            await self._records_on(work.connection).api_keys.touch(key.id)


def _found(key: ApiKey | None) -> ApiKey:
    if key is None:
        raise NotFound("there is no such API key")
    return key
