"""A gateway with people in it: on a real PostgreSQL, without a network."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import httpx
from fastapi import FastAPI

from chassis.run import Service
from chassis.testing import Harness, harness
from contracts import uuid7
from contracts.ingest import VideoIngested
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.tokens import SignedTokens
from gateway.api import UseCases
from gateway.domain.access import Caller, Role
from gateway.main import build
from gateway.ports import User
from gateway.settings import Settings
from gateway.wiring.accounts import key_ring

__all__ = ["PASSWORD", "Gateway", "a_gateway", "a_mint", "an_ingested", "json_of"]

PASSWORD = "correct horse battery staple"
_HASHES: dict[str, str] = {}


@dataclass
class Gateway:
    """The service, and ways to act as somebody in it."""

    harness: Harness

    @property
    def app(self) -> FastAPI:
        """The service's ASGI application."""
        return cast(FastAPI, self.harness.service.app)

    @property
    def use_cases(self) -> UseCases:
        """What the routes call."""
        return cast(UseCases, self.app.state.use_cases)

    async def tenant(self, name: str) -> UUID:
        """A new tenant."""
        tenant_id = uuid7()
        async with self.harness.database.begin(tenant_id) as work:
            await PostgresRecords(work.connection).people.add_tenant(tenant_id, name)
        return tenant_id

    async def user(self, tenant_id: UUID, role: Role = Role.OWNER, email: str | None = None) -> Caller:
        """A new user, with the password ``PASSWORD``."""
        if not _HASHES:
            from gateway.adapters.passwords import Argon2Passwords

            _HASHES["hash"] = await Argon2Passwords().hash(PASSWORD)
        user = User(uuid7(), tenant_id, email or f"{uuid7()}@example.org", _HASHES["hash"], role)
        async with self.harness.database.begin(tenant_id) as work:
            await PostgresRecords(work.connection).people.add_user(user)
        return Caller(user.id, tenant_id, role, uuid7())

    def anonymous(self) -> httpx.AsyncClient:
        """A client without a token. What the app raises comes out here, so that no 500 goes unnoticed."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://gateway")

    async def client(self, caller: Caller) -> httpx.AsyncClient:
        """A client with a token."""
        client = self.anonymous()
        client.headers["Authorization"] = f"Bearer {await self.use_cases.accounts.tokens.issue(caller, lifetime_s=900)}"
        return client

    async def owner(self, tenant: str = "studio") -> httpx.AsyncClient:
        """A client of the owner of a new tenant."""
        return await self.client(await self.user(await self.tenant(tenant)))

    async def video(self, client: httpx.AsyncClient, content: bytes = b"a film", **wanted: str) -> dict[str, Any]:
        """A video made of these bytes."""
        upload = json_of(await client.post("/v1/uploads", json={"filename": "clip.mp4"}), 201)
        json_of(await client.put(upload["content_url"], content=content), 200)
        return json_of(await client.post("/v1/videos", json={"upload_id": upload["id"], **wanted}), 201)

    async def ingested(self, client: httpx.AsyncClient) -> dict[str, Any]:
        """A video that ingest has taken in, with its blobs."""
        video = await self.video(client)
        await self.hear(client, an_ingested(video["id"]), subject=video["id"])
        for name in ("original", "media.json", "proxy.mp4", "poster.jpg"):
            await self.harness.blobs.put_bytes(f"derived/t/{video['id']}/{name}", f'{{"it is": "{name}"}}'.encode())
        return json_of(await client.get(f"/v1/videos/{video['id']}"), 200)

    async def script(self, client: httpx.AsyncClient) -> dict[str, Any]:
        """A script of one line."""
        return json_of(await client.post("/v1/scripts", json={"filename": "a.txt", "text": "Hello.\n"}), 201)

    async def job(
        self, client: httpx.AsyncClient, video_id: str, steps: Sequence[str] = ("scenes",), **wanted: Any
    ) -> dict[str, Any]:
        """A job."""
        body = {"video_id": video_id, "steps": list(steps), **wanted}
        return json_of(await client.post("/v1/jobs", json=body), 202)

    async def hear(
        self, client: httpx.AsyncClient, fact: Any, *, subject: str, job: dict[str, Any] | None = None
    ) -> None:
        """A fact of another service, for the client's tenant."""
        me = json_of(await client.get("/v1/me"), 200)
        job_id = UUID(job["id"]) if job else None
        await self.harness.hear(fact, subject=subject, job_id=job_id, tenant_id=UUID(me["tenant_id"]))


@asynccontextmanager
async def a_gateway(
    postgres_url: str, *, built_by: Callable[[Settings], Service] = build, **settings: Any
) -> AsyncIterator[Gateway]:
    """A gateway for one test."""
    settings = {"secret": "a secret of the rig", **settings}
    async with harness("gateway", built_by, settings=Settings, admin_url=postgres_url, **settings) as running:
        yield Gateway(running)


def a_mint(gateway: Gateway, *, issuer: str = "matchcut", audience: str = "matchcut", **settings: Any) -> SignedTokens:
    """The access tokens of another replica, which has read no key yet."""
    known = cast(Settings, gateway.harness.service.settings)
    keys = key_ring(known.model_copy(update=settings), gateway.harness.database)
    return SignedTokens(keys, issuer=issuer, audience=audience)


def an_ingested(video_id: str) -> VideoIngested:
    """What ingest says of a short clip."""
    folder = f"derived/t/{video_id}"
    return VideoIngested(
        video_id=UUID(video_id),
        sha256=hashlib.sha256(b"a film").hexdigest(),
        original_key=f"{folder}/original",
        media_key=f"{folder}/media.json",
        audio_key=None,
        proxy_key=f"{folder}/proxy.mp4",
        poster_key=f"{folder}/poster.jpg",
        duration_s=5.3,
        width=1280,
        height=720,
        frames=132,
        frame_rate="25/1",
    )


def json_of(response: httpx.Response, status: int) -> dict[str, Any]:
    """The body of a response that must have this status."""
    assert response.status_code == status, response.text
    return cast(dict[str, Any], response.json())
