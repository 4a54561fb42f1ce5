"""The Python client's webhooks, against a real gateway on a real port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta

import pytest
import uvicorn
from standardwebhooks import Webhook as Verifier

from gateway.domain.access import Role
from matchcut.client import Credentials, Delivery, Invalid, Matchcut, NotFound, Webhook
from support.gateway_rig import PASSWORD
from support.webhook_rig import Post, a_post


@asynccontextmanager
async def a_client(post: Post) -> AsyncIterator[Matchcut]:
    """Of the owner of another tenant."""
    await post.gateway.user(await post.gateway.tenant("client"), Role.OWNER, "me@example.org")
    server = uvicorn.Server(uvicorn.Config(post.gateway.app, port=0, log_config=None, lifespan="off"))
    server.capture_signals = nullcontext  # type: ignore[assignment, method-assign]
    serving = asyncio.create_task(server.serve())
    try:
        await post.receiver.until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        with Matchcut(f"http://127.0.0.1:{port}", Credentials("me@example.org", PASSWORD)) as client:
            yield client
    finally:
        server.should_exit = True
        await serving


async def test_everything_one_may_do_with_webhooks_is_a_typed_method(postgres_url: str) -> None:
    async with a_post(postgres_url) as post, a_client(post) as client:
        post.receiver.answers["/hook"] = [500, 200]
        webhooks = client.webhooks

        def begin() -> tuple[Webhook, Webhook, Webhook, list[Webhook], Delivery]:
            made = webhooks.create(post.url(), ["webhook.ping", "job.finished"], description="mine")
            again = webhooks.create(post.url(), ["job.finished", "webhook.ping"])
            return made, again, webhooks.get(made.id), list(webhooks.list()), webhooks.ping(made.id)

        made, again, read, listed, ping = await asyncio.to_thread(begin)
        await post.carry()

        def go_on() -> tuple[list[Delivery], Webhook, Webhook, int, Webhook]:
            pending = list(webhooks.deliveries(made.id, state="pending"))
            off = webhooks.change(made.id, enabled=False)
            on = webhooks.change(made.id, enabled=True)
            replayed = webhooks.replay_failed(made.id, since=datetime.now(UTC) - timedelta(hours=1))
            return pending, off, on, replayed, webhooks.rotate(made.id, overlap_s=60)

        pending, off, on, replayed, rotated = await asyncio.to_thread(go_on)
        await post.carry()
        arrived = await asyncio.to_thread(webhooks.delivery, made.id, ping.id)
        one_more = await asyncio.to_thread(webhooks.replay, made.id, ping.id)
        await asyncio.to_thread(webhooks.delete, made.id)
        with pytest.raises(NotFound):
            await asyncio.to_thread(webhooks.get, made.id)
        with pytest.raises(Invalid, match="url"):
            await asyncio.to_thread(webhooks.create, "https://10.0.0.1/", ["job.finished"])

    assert (again.id, again.secret, read.secret) == (made.id, None, None)
    assert listed == [read]
    assert [one.id for one in pending] == [ping.id]
    assert (off.enabled, on.enabled, replayed) == (False, True, 1)
    assert (arrived.state, arrived.status, one_more.state) == ("delivered", 200, "pending")
    _, last = post.receiver.heard
    for secret in (made.secret, rotated.secret):
        assert secret is not None
        assert Verifier(secret).verify(last.body, last.headers) == ping.payload
