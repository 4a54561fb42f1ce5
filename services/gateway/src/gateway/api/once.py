"""Idempotency-Key: the same request a second time gets the first answer, and does nothing."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError

from chassis.database import UnitOfWork
from gateway.api.context import Given
from gateway.domain.access import Caller
from gateway.domain.refusals import IdempotencyKeyReused
from gateway.usecases import witness

__all__ = ["Once", "OnlyOnce"]

_GAVE_WAY = ("40001", "40P01")
"""SQLSTATE: serialization failure, deadlock. Nothing has happened."""
_MADE_WAY = 2
"""Times a request makes way before its client is told to come back."""
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Once:
    """Runs an action in one transaction, together with the key that must not be used again for another."""

    def __init__(self, request: Request, given: Given, key: str | None) -> None:
        self._request = request
        self._given = given
        self._key = key

    async def __call__(
        self,
        caller: Caller,
        act: Callable[[UnitOfWork], Awaitable[BaseModel]],
        *,
        status: int | Callable[[], int],
        secret: bool = False,
    ) -> Response:
        """The answer of ``act``, or the one it gave when this key came first.

        Two requests with one key at once: the second waits for the first one's transaction. A refused request leaves
        no trace, so its key may come again. Answers are kept for a day; ``secret`` ones are sealed. ``act`` is called
        once more if PostgreSQL made its transaction give way to another. A status that depends on what ``act`` found
        is asked for after it.
        """
        for _ in range(_MADE_WAY):
            try:
                return await self._try(caller, act, status, secret=secret)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _GAVE_WAY:
                    raise
        return await self._try(caller, act, status, secret=secret)

    async def claimed(self, caller: Caller, request_hash: str, make: Callable[[UnitOfWork], Awaitable[UUID]]) -> UUID:
        """The id that ``make`` gave, or the one it gave when this key came first: for requests that bring a stream.

        ``request_hash`` is of all that the request says but its stream.
        """
        async with self._given.database.begin(caller.tenant_id) as work:
            if self._key is None:
                return await make(work)
            replies = self._given.records_on(work.connection).replies
            reply = await replies.claim(caller, self._key, request_hash)
            if reply is None:
                made = await make(work)
                await replies.keep(caller, self._key, status=201, body=made.bytes)
                return made
        if reply.request_hash != request_hash:
            raise IdempotencyKeyReused("this Idempotency-Key came with another request before; choose a new one")
        return UUID(bytes=reply.body)

    async def _try(
        self,
        caller: Caller,
        act: Callable[[UnitOfWork], Awaitable[BaseModel]],
        status: int | Callable[[], int],
        *,
        secret: bool,
    ) -> Response:
        if self._key is None:
            async with self._given.database.begin(caller.tenant_id) as work:
                made = await act(work)
                witness.made(made)
                body = made.model_dump_json().encode()
            return _answer(body, _plain(status), secret=secret)
        digest = hashlib.sha256(f"{self._request.method} {self._request.url.path}\n".encode())
        digest.update(await self._request.body())
        async with self._given.database.begin(caller.tenant_id) as work:
            replies = self._given.records_on(work.connection).replies
            reply = await replies.claim(caller, self._key, digest.hexdigest())
            if reply is None:
                made = await act(work)
                witness.made(made)
                body = made.model_dump_json().encode()
                kept, about = (self._given.accounts.seal.close(body), _ids_in(body)) if secret else (body, set[UUID]())
                await replies.keep(caller, self._key, status=_plain(status), body=kept, about=about)
                return _answer(body, _plain(status), secret=secret)
            if reply.request_hash == digest.hexdigest():
                witness.remark("nothing was done: the same request came before")
        if reply.request_hash != digest.hexdigest():
            raise IdempotencyKeyReused("this Idempotency-Key came with another request before; choose a new one")
        first = self._given.accounts.seal.open(reply.body) if secret else reply.body
        if first is None:
            raise IdempotencyKeyReused("the first answer was sealed with a secret the operator has changed since")
        return _answer(first, reply.status, secret=secret, replayed=True)


def _answer(body: bytes, status: int, *, secret: bool, replayed: bool = False) -> Response:
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    if secret:
        headers["Cache-Control"] = "no-store"
    return Response(body, status, headers=headers, media_type="application/json")


def _ids_in(body: bytes) -> set[UUID]:
    """What an answer speaks of: sealed, it can be found by nothing else when one of them is to leave no trace."""
    return {UUID(found.decode()) for found in _ID.findall(body)}


def _plain(status: int | Callable[[], int]) -> int:
    return status if isinstance(status, int) else status()


async def _once(
    request: Request,
    given: Given,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="A value of your choice, new for each request you mean; repeat it when you repeat the request.",
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
        ),
    ] = None,
) -> Once:
    witness.waits()
    return Once(request, given, idempotency_key)


OnlyOnce = Annotated[Once, Depends(_once)]
