"""A gateway that may send to a receiver on this machine, and a courier that goes when told to."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import func, update

from gateway.adapters.changes import RedisChanges
from gateway.adapters.outbound import Outbound
from gateway.adapters.postgres.tables import webhook_lanes, webhook_queue, webhooks
from gateway.main import build
from gateway.settings import Settings
from gateway.usecases.courier import Courier
from gateway.wiring.webhooks import courier_of, rules_of
from support.gateway_rig import Gateway, a_gateway, json_of
from support.webhook_receiver import Receiver, a_receiver

__all__ = ["Post", "a_post"]


@dataclass
class Post:
    """Who sends, who carries, and who receives."""

    gateway: Gateway
    receiver: Receiver
    courier: Courier
    client: httpx.AsyncClient
    """Of the owner of a tenant."""
    names: dict[str, list[str]] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """What the operator chose."""
        settings = self.gateway.harness.service.settings
        assert isinstance(settings, Settings)
        return settings

    def url(self, path: str = "/hook") -> str:
        """An address at the receiver."""
        return f"http://hooks.example:{self.receiver.port}{path}"

    async def webhook(
        self, *events: str, path: str = "/hook", client: httpx.AsyncClient | None = None
    ) -> dict[str, Any]:
        """A registered webhook, with its secret."""
        wanted = {"url": self.url(path), "events": list(events or ("webhook.ping",))}
        return json_of(await (client or self.client).post("/v1/webhooks", json=wanted), 201)

    async def ping(self, webhook: dict[str, Any], client: httpx.AsyncClient | None = None) -> dict[str, Any]:
        """A message that waits."""
        return json_of(await (client or self.client).post(f"/v1/webhooks/{webhook['id']}/ping"), 202)

    async def carry(self) -> int:
        """Everything that is due, until nothing is."""
        total = 0
        while took := await self.courier.round():
            total += took
            await self.courier.settled()
        return total

    async def delivery(self, ping: dict[str, Any]) -> dict[str, Any]:
        """How a message stands."""
        path = f"/v1/webhooks/{ping['webhook_id']}/deliveries/{ping['id']}"
        return json_of(await self.client.get(path), 200)

    async def read(self, webhook: dict[str, Any]) -> dict[str, Any]:
        """How a webhook stands."""
        return json_of(await self.client.get(f"/v1/webhooks/{webhook['id']}"), 200)

    async def deliveries(self, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
        """All messages to a webhook, the newest first."""
        answer = await self.client.get(f"/v1/webhooks/{webhook['id']}/deliveries", params=query)
        items: list[dict[str, Any]] = json_of(answer, 200)["items"]
        return items

    def told(self, path: str = "/hook") -> list[tuple[str, dict[str, Any]]]:
        """Types and contents of what arrived, in order."""
        messages = [json.loads(body) for body in self.receiver.bodies(path)]
        return [(message["type"], message["data"]) for message in messages]

    async def tenant_id(self) -> UUID:
        """Whose client this is."""
        return UUID(json_of(await self.client.get("/v1/me"), 200)["tenant_id"])

    async def let_time_pass(self, *, leases: bool = False, failing: timedelta | None = None) -> None:
        """Make everything due now; let leases run out, and let what fails have failed for longer."""
        async with self.gateway.harness.database.begin(await self.tenant_id()) as work:
            await work.connection.execute(update(webhook_queue).values(due_at=func.now()))
            await work.connection.execute(update(webhook_lanes).values(paused_until=None))
            if leases:
                await work.connection.execute(update(webhook_queue).values(leased_until=func.now()))
            if failing is not None:
                since = webhooks.c.failing_since - failing
                await work.connection.execute(update(webhooks).values(failing_since=since))

    def another_courier(self, **settings: Any) -> Courier:
        """That of another replica, or with other settings."""
        return courier_of(
            self.settings.model_copy(update=settings),
            self.gateway.harness.database,
            outbound_of(self.settings, self),
            RedisChanges("redis://127.0.0.1:1/0"),
        )

    async def resolve(self, host: str, _port: int) -> Sequence[str]:
        """Our DNS."""
        return self.names.get(host, ["127.0.0.1"])


def outbound_of(settings: Settings, post: Post) -> Outbound:
    return Outbound(rules_of(settings), resolve=post.resolve)


@asynccontextmanager
async def a_post(postgres_url: str, **settings: Any) -> AsyncIterator[Post]:
    """One for a test."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(a_receiver())
        post = Post(None, receiver, None, None)  # type: ignore[arg-type] # the names are needed first
        given = {
            "outbound_http": True,
            "outbound_ports": frozenset({receiver.port}),
            "outbound_networks": ("127.0.0.0/8",),
            "webhook_timeout_s": 5,
            **settings,
        }
        built_by = partial(build, resolve=post.resolve)
        post.gateway = await stack.enter_async_context(a_gateway(postgres_url, built_by=built_by, **given))
        post.courier = post.another_courier()
        post.client = await stack.enter_async_context(await post.gateway.owner())
        yield post
