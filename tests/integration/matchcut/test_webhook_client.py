"""The Python client's webhooks and the command line's, against a real gateway on a real port."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvicorn
from standardwebhooks import Webhook as Verifier
from typer.testing import CliRunner

from gateway.domain.access import Role
from matchcut.client import Credentials, Delivery, Invalid, Matchcut, NotFound, Webhook
from matchcut.main import app
from support.gateway_rig import PASSWORD
from support.webhook_rig import Post, a_post


@asynccontextmanager
async def an_address(post: Post) -> AsyncIterator[str]:
    """Of a gateway with the owner of another tenant."""
    await post.gateway.user(await post.gateway.tenant("client"), Role.OWNER, "me@example.org")
    server = uvicorn.Server(uvicorn.Config(post.gateway.app, port=0, log_config=None, lifespan="off"))
    server.capture_signals = nullcontext  # type: ignore[assignment, method-assign]
    serving = asyncio.create_task(server.serve())
    try:
        await post.receiver.until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def a_client(post: Post) -> AsyncIterator[Matchcut]:
    """Of that owner."""
    async with an_address(post) as url:
        with Matchcut(url, Credentials("me@example.org", PASSWORD)) as client:
            yield client


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


async def test_everything_one_may_do_with_webhooks_is_a_command(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_post(postgres_url) as post, an_address(post) as url:
        for name, value in {"URL": url, "USER": "me@example.org", "PASSWORD": PASSWORD}.items():
            monkeypatch.setenv(f"MATCHCUT_{name}", value)
        post.receiver.answers["/hook"] = [500, 200, 200]

        async def say(*words: str) -> Any:
            run = await asyncio.to_thread(CliRunner().invoke, app, ["webhook", *words, "--json"])
            assert run.exit_code == 0, run.output
            return json.loads(run.stdout)

        made = await say("add", post.url(), "-e", "webhook.ping", "-e", "job.finished", "--description", "mine")
        ping = await say("ping", made["id"])
        await post.carry()
        listed, pending = await say("list"), await say("deliveries", made["id"], "--state", "pending")
        off, on = await say("off", made["id"]), await say("on", made["id"])
        again = await say("replay", made["id"])
        await post.carry()
        once_more = await say("replay", made["id"], ping["id"])
        await post.carry()
        delivered = await say("deliveries", made["id"], "--state", "delivered")
        rotated = await say("rotate", made["id"], "--overlap", "60")
        shown = await say("show", made["id"])
        removed = await say("remove", made["id"])
        gone = await asyncio.to_thread(CliRunner().invoke, app, ["webhook", "show", made["id"]])

    assert [one["id"] for one in listed] == [made["id"]]
    assert [one["id"] for one in pending] == [ping["id"]]
    assert (off["enabled"], on["enabled"], again["replayed"], once_more["state"]) == (False, True, 1, "pending")
    assert [one["id"] for one in delivered] == [ping["id"]]
    assert len({made["secret"], rotated["secret"]}) == 2
    assert shown["secret"] is None
    assert removed == {"removed": made["id"]}
    assert (gone.exit_code, len(post.receiver.heard)) == (1, 3)
