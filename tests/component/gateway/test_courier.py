"""Carrying messages: durable, fair, and by several replicas at once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from gateway.adapters.changes import RedisChanges
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.postgres.delivery_queue import _CLAIM, _OPEN, _STEADY
from gateway.adapters.postgres.tables import webhook_deliveries, webhook_queue
from gateway.domain.notices import EventType, Notice
from gateway.usecases.courier import Courier
from gateway.usecases.notify import Notify
from support.gateway_rig import json_of
from support.webhook_rig import Post, a_post

COPIED = ("webhook_id", "event_id", "type", "body", "state", "attempts")


@pytest.fixture
async def post(postgres_url: str) -> AsyncIterator[Post]:
    """A gateway, a courier with four places, and a receiver."""
    async with a_post(postgres_url, webhook_slots=4, webhook_timeout_s=30) as made:
        yield made


async def test_one_that_hangs_holds_its_own_two_places_and_no_more(post: Post) -> None:
    post.receiver.answers["/slow"] = "hang"
    slow, sound = await post.webhook(path="/slow"), await post.webhook(path="/sound")
    for _ in range(20):
        await post.ping(slow)
    for _ in range(5):
        await post.ping(sound)

    async with running(post.courier):
        await post.receiver.until(lambda: len(post.receiver.bodies("/sound")) == 5)
        reached = len(post.receiver.bodies("/slow"))
        post.receiver.let_go.set()

    assert reached == 2


async def test_those_that_fail_leave_half_of_the_room_to_the_others(post: Post) -> None:
    failing = [await post.webhook(path=f"/failing/{number}") for number in range(8)]
    sound = await post.webhook(path="/sound")
    for number, webhook in enumerate(failing):
        post.receiver.answers[f"/failing/{number}"] = [500, "hang"]
        await post.ping(webhook)
    await post.carry()
    await post.let_time_pass()
    for webhook in failing:
        await post.ping(webhook)

    async with running(post.courier):
        await post.receiver.until(lambda: post.receiver.at_once == 2)
        for _ in range(5):
            await post.ping(sound)
        await post.receiver.until(lambda: len(post.receiver.bodies("/sound")) == 5)
        hanging = post.receiver.at_once
        post.receiver.let_go.set()

    assert hanging == 2, "half of four places"


async def test_a_long_queue_of_one_does_not_make_another_wait_its_length(post: Post) -> None:
    busy, quiet = await post.webhook(path="/busy"), await post.webhook(path="/quiet")
    for _ in range(30):
        await post.ping(busy)
    await post.ping(quiet)

    await post.courier.round()
    await post.courier.settled()

    assert len(post.receiver.bodies("/quiet")) == 1
    assert len(post.receiver.bodies("/busy")) == 2


async def test_a_long_queue_is_not_read_through_to_find_what_is_first(post: Post) -> None:
    ping = await post.ping(await post.webhook())
    copies = select(
        func.gen_random_uuid(),
        *(webhook_deliveries.c[name] for name in COPIED),
    ).where(webhook_deliveries.c.id == ping["id"])
    async with post.gateway.harness.database.begin(await post.tenant_id()) as work:
        many = copies.add_columns(func.generate_series(1, 20_000).label("number")).subquery()
        rows = select(*(column for column in many.c if column.name != "number"))
        await work.connection.execute(webhook_deliveries.insert().from_select(["id", *COPIED], rows))
        waiting = select(webhook_deliveries.c.id, webhook_deliveries.c.webhook_id, func.now())
        places = waiting.where(webhook_deliveries.c.id != ping["id"])
        await work.connection.execute(
            webhook_queue.insert().from_select(["delivery_id", "webhook_id", "due_at"], places)
        )

    async with post.gateway.harness.database.begin_untenanted() as connection:
        for preparing in (_OPEN, _STEADY):
            await connection.execute(preparing)
        values = {"room": 4, "per_webhook": 2, "half": 2, "lease": timedelta(seconds=30)}
        explained = await connection.scalar(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {_CLAIM.text}"), values)

    read = {node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in nodes(explained[0]["Plan"])}
    assert max(read) <= 4


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All of a plan."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


async def test_two_replicas_together_do_not_exceed_what_one_webhook_may_have_at_once(post: Post) -> None:
    webhook = await post.webhook()
    for _ in range(40):
        await post.ping(webhook)
    couriers = [post.courier, post.another_courier()]

    async with running(*couriers):
        await post.receiver.until(lambda: len(post.receiver.heard) >= 40)

    assert post.receiver.most_at_once <= 2
    assert len({heard.headers["webhook-id"] for heard in post.receiver.heard}) == 40
    assert len(post.receiver.heard) == 40, "nothing went twice"


async def test_what_a_dead_replica_had_in_its_hands_is_carried_by_another(post: Post) -> None:
    ping = await post.ping(await post.webhook())
    dead = post.another_courier()
    dead._messenger = never_returns  # type: ignore[assignment]
    assert await dead.round() == 1

    assert await post.courier.round() == 0, "it is leased"
    await post.let_time_pass(leases=True)
    await post.carry()

    assert (await post.delivery(ping))["state"] == "delivered"
    for task in list(dead._running):
        task.cancel()
    await dead.settled()


async def test_a_replica_that_lost_its_lease_has_no_say_any_more(post: Post) -> None:
    post.receiver.answers["/hook"] = ["hang", 500]
    ping = await post.ping(await post.webhook())
    late = post.another_courier()
    await late.round()
    await post.receiver.until(lambda: len(post.receiver.heard) == 1)

    await post.let_time_pass(leases=True)
    await post.carry()
    tried = await post.delivery(ping)
    post.receiver.let_go.set()  # the late one hears that its connection broke
    await late.settled()

    assert (tried["state"], tried["attempts"], tried["status"]) == ("pending", 1, 500)
    assert await post.delivery(ping) == tried


async def test_a_replica_that_stops_gives_back_what_it_holds_at_once(post: Post) -> None:
    post.receiver.answers["/hook"] = ["hang", 200]
    ping = await post.ping(await post.webhook())
    async with running(post.another_courier()):
        await post.receiver.until(lambda: len(post.receiver.heard) == 1)

    await post.carry()

    assert (await post.delivery(ping))["state"] == "delivered"


async def test_a_message_is_recorded_with_the_fact_or_not_at_all(post: Post) -> None:
    await post.webhook("job.requested")
    video = await post.gateway.ingested(post.client)
    database = post.gateway.harness.database

    async def tell_and_fail() -> None:
        async with database.begin(await post.tenant_id()) as work:
            await Notify(PostgresRecords, RedisChanges("redis://127.0.0.1:1/0"))(
                work, [Notice(EventType.JOB_REQUESTED, {})]
            )
            await work.connection.execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError):
        await tell_and_fail()
    await post.gateway.job(post.client, video["id"])

    assert await post.carry() == 1


async def test_while_postgresql_is_away_the_courier_waits_and_goes_on(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    ping = await post.ping(await post.webhook())
    claim = post.courier._queue.claim
    failures: list[int] = []

    async def away(*args: Any, **options: Any) -> Any:
        if len(failures) < 3:
            failures.append(1)
            raise ConnectionRefusedError
        return await claim(*args, **options)

    monkeypatch.setattr(post.courier._queue, "claim", away)
    async with running(post.courier):
        await post.receiver.until(lambda: len(post.receiver.heard) == 1)
        await post.courier.settled()

    assert (await post.delivery(ping))["state"] == "delivered"


async def test_the_courier_sees_ids_and_times_of_all_tenants_and_nothing_they_say(post: Post) -> None:
    await post.ping(await post.webhook())

    async with post.gateway.harness.database.begin_untenanted() as connection:
        await connection.execute(text("SELECT set_config('gateway.courier', 'yes', true)"))
        due = await connection.scalar(select(func.count()).select_from(webhook_queue))
        said = await connection.scalar(select(func.count()).select_from(webhook_deliveries))
        with pytest.raises(DBAPIError):
            await connection.execute(
                webhook_queue.insert().from_select(["delivery_id"], select(func.gen_random_uuid()))
            )

    assert (due, said) == (1, 0)


async def test_a_webhook_removed_while_its_message_is_on_its_way_stays_removed(post: Post) -> None:
    post.receiver.answers["/hook"] = "hang"
    webhook = await post.webhook()
    await post.ping(webhook)
    await post.courier.round()
    await post.receiver.until(lambda: len(post.receiver.heard) == 1)

    assert (await post.client.delete(f"/v1/webhooks/{webhook['id']}")).status_code == 204
    post.receiver.let_go.set()
    await post.courier.settled()

    assert await post.carry() == 0
    assert json_of(await post.client.get("/v1/webhooks"), 200)["items"] == []


async def test_old_deliveries_are_swept_and_pending_ones_stay(post: Post) -> None:
    post.receiver.answers["/hook"] = [200, 500]
    webhook = await post.webhook()
    done = await post.ping(webhook)
    await post.carry()
    pending = await post.ping(webhook)
    await post.carry()
    async with post.gateway.harness.database.begin(await post.tenant_id()) as work:
        old = func.now() - text("interval '2 hours'")
        await work.connection.execute(update(webhook_deliveries).values(created_at=old))
        deliveries = PostgresRecords(work.connection).deliveries
        kept = await deliveries.forget_old(older_than_s=3 * 3600, limit=10)
        swept = await deliveries.forget_old(older_than_s=3600, limit=10)

    assert (kept, swept) == (0, 1)
    assert [one["id"] for one in await post.deliveries(webhook)] == [pending["id"]]
    assert done["id"] != pending["id"]


async def never_returns(*_: Any, **__: Any) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def running(*couriers: Courier) -> AsyncIterator[None]:
    """Couriers at work; stopped as a service stops them."""
    tasks = [asyncio.create_task(courier.run()) for courier in couriers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
