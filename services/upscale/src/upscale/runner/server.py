"""What a runner says to the server, and hears. Nothing here logs an address, a token or a secret."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel

from upscale.api import schemas

__all__ = ["Away", "Refused", "Server", "Stale"]

A = TypeVar("A", bound=BaseModel)
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 15.0


class Stale(Exception):
    """The lease is over: drop the work."""


class Away(Exception):
    """The server could not be reached in time."""


class Refused(Exception):
    """The server will not have us; the text says why and what to do."""

    def __init__(self, status: int, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug


class Server:
    """One server, by its public address."""

    def __init__(self, url: str) -> None:
        self.client = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=httpx.Timeout(30, connect=10))
        self.secret = ""
        self.rotate = False
        """Whether we were asked to fetch another secret."""

    async def close(self) -> None:
        """Give the connections back."""
        await self.client.aclose()

    async def register(self, body: schemas.RegisterRequest) -> schemas.Registered:
        """Become a runner; ``secret`` is ours from then on. Raises Refused."""
        answer = await self._ask("POST", "register", body, within_s=None)
        registered = schemas.Registered.model_validate_json(answer.content)
        self.secret = registered.secret
        return registered

    async def replace_secret(self) -> str:
        """Another secret, which is ours from then on."""
        answer = await self._ask("POST", "secret", None, within_s=30)
        self.secret = schemas.NewSecret.model_validate_json(answer.content).secret
        self.rotate = False
        return self.secret

    async def sign_off(self) -> None:
        """Say that we go."""
        await self._ask("DELETE", "", None, within_s=5)

    async def claim(self, body: schemas.ClaimRequest) -> schemas.Lease | None:
        """The next chunk, waiting a while. Raises Refused."""
        answer = await self._ask("POST", "claims", body, within_s=None, timeout_s=body.wait_s + 20)
        if answer.status_code == 204:
            self.rotate = answer.headers.get("runner-rotate") == "true"
            return None
        lease = schemas.Lease.model_validate_json(answer.content)
        self.rotate = lease.rotate
        return lease

    async def renew(self, chunk_id: UUID, body: schemas.RenewRequest, *, within_s: float) -> schemas.Renewed:
        """Prolong a lease. Raises Stale, Away."""
        renewed = await self._about(chunk_id, "renew", body, schemas.Renewed, within_s=within_s)
        self.rotate = renewed.rotate
        return renewed

    async def addresses(self, chunk_id: UUID, token: int, *, within_s: float) -> schemas.Addresses:
        """Fresh addresses. Raises Stale, Away."""
        body = schemas.TokenRequest(fencing_token=token)
        return await self._about(chunk_id, "urls", body, schemas.Addresses, within_s=within_s)

    async def complete(self, chunk_id: UUID, body: schemas.CompleteRequest, *, within_s: float) -> None:
        """Say that a chunk is handed in. Raises Stale, Away, Refused."""
        await self._ask("POST", f"leases/{chunk_id}/complete", body, within_s=within_s)

    async def fail(self, chunk_id: UUID, body: schemas.FailRequest, *, within_s: float) -> None:
        """Give a chunk back. Raises Stale, Away."""
        await self._ask("POST", f"leases/{chunk_id}/fail", body, within_s=within_s)

    async def _about(self, chunk_id: UUID, verb: str, body: BaseModel, kind: type[A], *, within_s: float) -> A:
        answer = await self._ask("POST", f"leases/{chunk_id}/{verb}", body, within_s=within_s)
        return kind.model_validate_json(answer.content)

    async def _ask(
        self, method: str, path: str, body: BaseModel | None, *, within_s: float | None, timeout_s: float = 15
    ) -> httpx.Response:
        """Ask until there is an answer, or time is up; without an end where ``within_s`` is None."""
        clock = asyncio.get_running_loop().time
        until = None if within_s is None else clock() + within_s
        wait_s = _FIRST_WAIT_S
        while True:
            answer = await self._once(method, path, body, timeout_s)
            if answer is not None and answer.status_code not in _AGAIN:
                return _taken(answer)
            wait_s = min(_LONGEST_WAIT_S, 2 * wait_s)
            pause_s = max(wait_s * random.uniform(0.5, 1), _retry_after(answer))
            if until is not None and clock() + pause_s > until:
                raise Away("the server did not answer in time")
            await asyncio.sleep(pause_s)

    async def _once(self, method: str, path: str, body: BaseModel | None, timeout_s: float) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        content = None if body is None else body.model_dump_json(exclude_none=True)
        try:
            return await self.client.request(
                method,
                f"/v1/runner/{path}".rstrip("/"),
                content=content,
                headers={**headers, "Content-Type": "application/json"},
                timeout=httpx.Timeout(timeout_s, connect=min(10.0, timeout_s)),
            )
        except httpx.TransportError:
            return None


def _taken(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    said = _said(answer)
    slug, detail = str(said.get("type", "")).rpartition("/")[2], str(said.get("detail") or said.get("title") or "")
    if answer.status_code == 409:
        raise Stale(detail)
    raise Refused(answer.status_code, slug, detail or f"the server answered {answer.status_code}")


def _said(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _retry_after(answer: httpx.Response | None) -> float:
    given = "" if answer is None else answer.headers.get("retry-after", "")
    return min(60.0, float(given)) if given.isdecimal() else 0.0
