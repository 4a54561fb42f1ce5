"""Webhooks as clients meet them: registered, told, tried again, disabled, replayed, rotated, erased."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from contracts.ingest import RejectionReason, VideoRejected
from contracts.steps import Step, StepFailed, StepProgressed
from contracts.vision import ScenesDetected
from gateway.adapters.postgres.tables import idempotency_keys, webhooks
from support.gateway_rig import Gateway, an_ingested, json_of
from support.webhook_rig import Post, a_post

ALL = ["job.requested", "job.progressed", "job.finished", "job.failed", "job.cancelled"]
ALL += ["video.ready", "video.rejected", "video.erased", "webhook.disabled"]


@pytest.fixture
async def post(postgres_url: str) -> AsyncIterator[Post]:
    """A gateway, a courier and a receiver."""
    async with a_post(postgres_url, max_webhooks=5) as made:
        yield made


async def test_a_secret_is_shown_once_and_verifies_what_arrives(post: Post) -> None:
    webhook = await post.webhook()
    ping = await post.ping(webhook)

    await post.carry()

    (heard,) = post.receiver.heard
    assert Verifier(webhook["secret"]).verify(heard.body, heard.headers) == ping["payload"]
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["webhook-id"] == ping["message_id"]
    shown = json.dumps([await post.read(webhook), json_of(await post.client.get("/v1/webhooks"), 200)])
    assert "whsec_" not in shown
    assert "whsk_" not in shown
    assert webhook["public_keys"][0] in shown
    delivery = await post.delivery(ping)
    assert (delivery["state"], delivery["attempts"], delivery["status"]) == ("delivered", 1, 204)


async def test_no_key_can_be_read_in_the_database_alone(post: Post) -> None:
    webhook = await post.webhook()
    json_of(
        await post.client.post(f"/v1/webhooks/{webhook['id']}/rotate", json={}, headers={"Idempotency-Key": "a"}), 200
    )

    async with post.gateway.harness.database.read(await post.tenant_id()) as connection:
        keys = (await connection.execute(select(webhooks.c["keys"]))).scalars().all()
        answers = (await connection.execute(select(idempotency_keys.c.body))).scalars().all()

    assert len(keys[0]) == 2
    assert len(answers) == 1
    for kept in (str(keys), str(answers)):
        assert "whsec_" not in kept
        assert "whsk_" not in kept


async def test_keys_that_cannot_be_opened_any_more_are_said_to_be_so(post: Post) -> None:
    ping = await post.ping(await post.webhook())
    courier = post.another_courier(secret=SecretStr("another secret of the operator"))

    await courier.round()
    await courier.settled()

    delivery = await post.delivery(ping)
    assert (delivery["state"], delivery["attempts"]) == ("pending", 1)
    assert "rotate them" in delivery["error"]
    assert post.receiver.connections == 0


async def test_registering_the_same_again_answers_what_is_there(post: Post) -> None:
    wanted = {"url": post.url(), "events": ["job.failed", "job.finished"]}
    first = json_of(await post.client.post("/v1/webhooks", json=wanted), 201)

    wanted["events"] = ["job.finished", "job.failed", "job.failed"]
    again = json_of(await post.client.post("/v1/webhooks", json=wanted), 200)
    other = json_of(await post.client.post("/v1/webhooks", json={**wanted, "events": ["job.failed"]}), 201)

    assert (again["id"], again["secret"]) == (first["id"], None)
    assert other["id"] != first["id"]
    assert len(json_of(await post.client.get("/v1/webhooks"), 200)["items"]) == 2


async def test_an_idempotency_key_answers_the_secret_again_to_whom_it_was_lost_on_the_way(post: Post) -> None:
    wanted, key = {"url": post.url(), "events": ["job.failed"]}, {"Idempotency-Key": "one"}

    first = await post.client.post("/v1/webhooks", json=wanted, headers=key)
    again = await post.client.post("/v1/webhooks", json=wanted, headers=key)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.json()["secret"].startswith("whsec_")


async def test_there_is_an_end_to_how_many_webhooks_one_may_have(post: Post) -> None:
    for number in range(5):
        await post.webhook(path=f"/{number}")

    refused = await post.client.post("/v1/webhooks", json={"url": post.url("/5"), "events": ["job.failed"]})

    assert json_of(refused, 409)["type"] == "/problems/too-many-webhooks"


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1:{port}/",
        "https://169.254.169.254:{port}/",
        "http://[::1]:{port}/",
        "http://inside.example:{port}/",
        "http://hooks.example:22/",
        "http://me:secret@hooks.example:{port}/",
        "ftp://hooks.example:{port}/",
        "not an address",
    ],
)
async def test_an_address_that_must_not_be_reached_is_refused_when_it_is_given(post: Post, url: str) -> None:
    post.names["inside.example"] = ["10.0.0.5"]
    wanted = {"url": url.format(port=post.receiver.port), "events": ["job.failed"]}
    good = await post.webhook()

    refused = json_of(await post.client.post("/v1/webhooks", json=wanted), 422)
    changed = json_of(await post.client.patch(f"/v1/webhooks/{good['id']}", json={"url": wanted["url"]}), 422)

    assert [error["field"] for error in refused["errors"]] == ["url"]
    assert [error["field"] for error in changed["errors"]] == ["url"]
    assert "10.0.0.5" not in refused["detail"]


async def test_a_name_that_turns_inside_later_is_not_followed(post: Post) -> None:
    webhook = await post.webhook()
    ping = await post.ping(webhook)

    post.names["hooks.example"] = ["10.0.0.5"]
    await post.carry()

    assert post.receiver.connections == 0
    delivery = await post.delivery(ping)
    assert (delivery["state"], delivery["status"]) == ("pending", None)
    assert delivery["error"] == "hooks.example does not lead to a public address"


async def test_a_job_is_told_from_the_request_to_its_end_and_carries_what_it_was_given(post: Post) -> None:
    await post.webhook(*ALL)
    gateway, client = post.gateway, post.client
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"], passthrough="order-4711")
    for fraction in (0.1, 0.4, 0.45, 0.9):
        fact = StepProgressed(video_id=video["id"], step=Step.SCENES, run=1, fraction=fraction)
        await gateway.hear(client, fact, subject=video["id"], job=job)
        await post.carry()
    done = ScenesDetected(video_id=video["id"], run=1, key="derived/t/j/s.json", scenes=1, engine="e", seconds=1.0)
    await gateway.hear(client, done, subject=video["id"], job=job)
    await gateway.hear(client, done, subject=video["id"], job=job)
    await post.carry()

    types = [type_ for type_, _ in post.told()]
    assert sorted(types[:2]) == ["job.requested", "video.ready"]
    assert types[2:] == ["job.progressed", "job.progressed", "job.finished"]
    _, finished = post.told()[-1]
    assert (finished["job_id"], finished["state"], finished["fraction"]) == (job["id"], "succeeded", 1.0)
    assert {data["passthrough"] for type_, data in post.told() if type_.startswith("job.")} == {"order-4711"}


async def test_failures_cancellations_and_rejections_are_told(post: Post) -> None:
    await post.webhook("job.failed", "job.cancelled", "job.requested", "video.rejected")
    gateway, client = post.gateway, post.client
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"])
    failed = StepFailed(video_id=video["id"], step=Step.SCENES, run=1, reason="undecodable", detail="secret detail")
    await gateway.hear(client, failed, subject=video["id"], job=job)
    json_of(await client.post(f"/v1/jobs/{job['id']}/retry"), 202)
    json_of(await client.post(f"/v1/jobs/{job['id']}/cancel"), 202)
    bad = await gateway.video(client, b"no film", passthrough="mine")
    rejected = VideoRejected(video_id=bad["id"], reason=RejectionReason.NOT_MEDIA, detail="")
    await gateway.hear(client, rejected, subject=bad["id"])

    await post.carry()

    told = post.told()
    assert sorted(type_ for type_, _ in told) == [
        *("job.cancelled", "job.failed", "job.requested", "job.requested", "video.rejected")
    ]
    by_type = dict(told)
    assert by_type["job.failed"]["error"] == {"step": "scenes", "reason": "undecodable"}
    assert (by_type["video.rejected"]["reason"], by_type["video.rejected"]["passthrough"]) == ("not_media", "mine")
    assert "secret detail" not in json.dumps(told)
    assert {data["run"] for type_, data in told if type_ == "job.requested"} == {1, 2}


async def test_a_request_that_is_refused_tells_nobody(post: Post) -> None:
    webhook = await post.webhook(*ALL)

    assert (await post.client.post("/v1/jobs", json={"video_id": webhook["id"], "steps": ["scenes"]})).is_error

    assert await post.carry() == 0


async def test_a_fact_heard_twice_is_told_once(post: Post) -> None:
    webhook = await post.webhook("video.ready")
    video = await post.gateway.video(post.client)

    for _ in range(2):
        await post.gateway.hear(post.client, an_ingested(video["id"]), subject=video["id"])

    assert len(await post.deliveries(webhook)) == 1


async def test_an_erased_video_leaves_no_message_but_that_it_was_erased(post: Post) -> None:
    webhook = await post.webhook(*ALL)
    video = await post.gateway.ingested(post.client)
    await post.gateway.job(post.client, video["id"], passthrough="somebody's name")
    await post.carry()

    json_of(await post.client.delete(f"/v1/videos/{video['id']}"), 202)
    await post.carry()

    left = await post.deliveries(webhook)
    assert sorted(delivery["type"] for delivery in left) == ["job.cancelled", "video.erased"]
    assert "somebody's name" not in json.dumps(left)
    assert dict(post.told())["video.erased"] == {"video_id": video["id"], "state": "erased", "passthrough": None}


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (500, 500, "it answered 500"),
        (404, 404, "it answered 404"),
        ((302, {"Location": "/elsewhere"}), 302, "redirects are not followed"),
        ("close", None, "broke"),
        ("half", None, "broke"),
        ("hang", None, "no answer in time"),
        ("drip", None, "no answer in time"),
    ],
    ids=str,
)
async def test_a_message_that_does_not_arrive_is_kept_and_tried_again(
    postgres_url: str, answer: Any, status: int | None, says: str
) -> None:
    patience_s = 0.5 if says == "no answer in time" else 15.0  # whoever answers may be slow about it
    async with a_post(postgres_url, webhook_timeout_s=patience_s) as post:
        post.receiver.answers["/hook"] = [answer, 200]
        webhook = await post.webhook()
        ping = await post.ping(webhook)

        await post.carry()
        first = await post.delivery(ping)
        failing = await post.read(webhook)
        assert await post.carry() == 0, "it waits for its time"
        await post.let_time_pass()
        await post.carry()

        assert (first["state"], first["attempts"], first["status"]) == ("pending", 1, status)
        assert says in first["error"]
        assert failing["failing_since"] is not None
        second = await post.delivery(ping)
        assert (second["state"], second["attempts"], second["status"]) == ("delivered", 2, 200)
        assert (second["error"], second["next_attempt_at"]) == (None, None)
        assert (await post.read(webhook))["failing_since"] is None
        assert [heard.headers["webhook-id"] for heard in post.receiver.heard] == [ping["message_id"]] * 2
        assert post.receiver.bodies("/elsewhere") == []


async def test_a_giant_answer_is_a_success_nobody_reads(post: Post) -> None:
    post.receiver.answers["/hook"] = "giant"
    ping = await post.ping(await post.webhook())

    await post.carry()

    assert (await post.delivery(ping))["state"] == "delivered"


async def test_what_a_receiver_answers_is_shown_to_nobody(post: Post) -> None:
    post.receiver.answers["/hook"] = (500, {"X-Secret": "of the receiver"})
    webhook = await post.webhook()
    await post.ping(webhook)

    await post.carry()

    assert "of the receiver" not in json.dumps(await post.deliveries(webhook))


async def test_the_next_try_is_when_the_schedule_says(post: Post) -> None:
    post.receiver.answers["/hook"] = 500
    ping = await post.ping(await post.webhook())

    waits = []
    for _ in range(9):
        await post.carry()
        tried = await post.delivery(ping)
        at = (datetime.fromisoformat(tried[name]) for name in ("next_attempt_at", "attempted_at"))
        waits.append((next(at) - next(at)).total_seconds())
        await post.let_time_pass()
    await post.carry()

    for wait, planned in zip(waits, (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400), strict=True):
        assert planned * 0.8 - 1 <= wait <= planned * 1.2 + 60
    last = await post.delivery(ping)
    assert (last["state"], last["attempts"], last["next_attempt_at"]) == ("failed", 10, None)
    assert len(post.receiver.heard) == 10


async def test_gone_disables_and_the_fellows_are_told(post: Post) -> None:
    post.receiver.answers["/hook"] = 410
    webhook = await post.webhook("webhook.ping", "webhook.disabled")
    await post.webhook("webhook.disabled", path="/fellow")
    pings = [await post.ping(webhook) for _ in range(4)]

    await post.carry()

    gone = await post.read(webhook)
    assert (gone["enabled"], gone["disabled_reason"]) == (False, "it answered 410 Gone")
    assert {(await post.delivery(ping))["state"] for ping in pings} == {"failed"}
    assert 1 <= len(post.receiver.bodies("/hook")) <= 2, "what was on its way at that moment, and nothing after"
    ((type_, data),) = post.told("/fellow")
    assert (type_, data) == ("webhook.disabled", {"webhook_id": webhook["id"], "reason": "it answered 410 Gone"})
    refused = json_of(await post.client.post(f"/v1/webhooks/{webhook['id']}/ping"), 409)
    assert refused["type"] == "/problems/webhook-disabled"


async def test_days_of_failures_disable(post: Post) -> None:
    post.receiver.answers["/hook"] = 500
    webhook = await post.webhook()
    await post.webhook("webhook.disabled", path="/fellow")
    ping = await post.ping(webhook)
    await post.carry()

    await post.let_time_pass(failing=timedelta(days=2, hours=23))
    await post.carry()
    still = await post.read(webhook)
    await post.let_time_pass(failing=timedelta(hours=1))
    await post.carry()

    assert still["enabled"]
    off = await post.read(webhook)
    assert (off["enabled"], off["disabled_reason"]) == (False, "nothing has arrived for 72 hours")
    assert (await post.delivery(ping))["state"] == "failed"
    assert [type_ for type_, _ in post.told("/fellow")] == ["webhook.disabled"]


async def test_enabled_again_it_is_told_what_it_missed_when_asked(post: Post) -> None:
    post.receiver.answers["/hook"] = 410
    webhook = await post.webhook()
    path = f"/v1/webhooks/{webhook['id']}"
    pings = [await post.ping(webhook) for _ in range(3)]
    await post.carry()

    since = {"since": pings[0]["created_at"]}
    refused = json_of(await post.client.post(f"{path}/replay", json=since), 409)
    enabled = json_of(await post.client.patch(path, json={"enabled": True}), 200)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    none = json_of(await post.client.post(f"{path}/replay", json={"since": later}), 202)
    all_ = json_of(await post.client.post(f"{path}/replay", json=since), 202)
    post.receiver.heard.clear()
    post.receiver.answers["/hook"] = 204
    await post.carry()

    assert refused["type"] == "/problems/webhook-disabled"
    assert (enabled["enabled"], enabled["disabled_reason"], enabled["failing_since"]) == (True, None, None)
    assert (none["replayed"], all_["replayed"]) == (0, 3)
    assert {heard.headers["webhook-id"] for heard in post.receiver.heard} == {ping["message_id"] for ping in pings}
    assert len(await post.deliveries(webhook, state="delivered")) == 3


async def test_one_message_is_replayed_whatever_became_of_it(post: Post) -> None:
    webhook = await post.webhook()
    ping = await post.ping(webhook)
    await post.carry()

    path = f"/v1/webhooks/{webhook['id']}/deliveries/{ping['id']}/replay"
    replayed = json_of(await post.client.post(path), 202)
    await post.carry()

    assert (replayed["state"], replayed["attempts"]) == ("pending", 0)
    first, second = post.receiver.heard
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert (await post.delivery(ping))["state"] == "delivered"


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_holds_everything_for_this_webhook_and_nothing_for_others(post: Post, status: int) -> None:
    post.receiver.answers["/hook"] = [(status, {"Retry-After": "1200"}), 200]
    webhook, other = await post.webhook(), await post.webhook(path="/other")
    ping = await post.ping(webhook)
    await post.carry()
    tried = await post.delivery(ping)

    await post.ping(webhook)
    await post.ping(other)
    await post.carry()

    assert len(post.receiver.bodies("/hook")) == 1
    assert len(post.receiver.bodies("/other")) == 1
    wait = datetime.fromisoformat(tried["next_attempt_at"]) - datetime.fromisoformat(tried["attempted_at"])
    assert timedelta(seconds=1199) < wait < timedelta(seconds=1260)
    await post.let_time_pass()
    await post.carry()
    assert len(post.receiver.bodies("/hook")) == 3


async def test_while_keys_overlap_receivers_with_either_secret_are_served(post: Post) -> None:
    webhook = await post.webhook()
    path = f"/v1/webhooks/{webhook['id']}/rotate"

    rotated = json_of(await post.client.post(path, json={"overlap_s": 3600}), 200)
    await post.ping(webhook)
    await post.carry()
    last = json_of(await post.client.post(path, json={"overlap_s": 0}), 200)
    await post.ping(webhook)
    await post.carry()

    both, one = post.receiver.heard
    for secret in (webhook["secret"], rotated["secret"]):
        Verifier(secret).verify(both.body, both.headers)
        with pytest.raises(WebhookVerificationError):
            Verifier(secret).verify(one.body, one.headers)
    Verifier(last["secret"]).verify(one.body, one.headers)
    assert len({webhook["secret"], rotated["secret"], last["secret"]}) == 3
    assert rotated["public_keys"][1:] == webhook["public_keys"]
    assert len(last["public_keys"]) == 1


async def test_a_change_is_refused_to_who_read_something_older(post: Post) -> None:
    webhook = await post.webhook()
    path = f"/v1/webhooks/{webhook['id']}"
    tag = (await post.client.get(path)).headers["etag"]

    changed = await post.client.patch(path, json={"description": "mine"}, headers={"If-Match": tag})
    late = await post.client.patch(path, json={"description": "yours"}, headers={"If-Match": tag})
    newest = await post.client.patch(
        path, json={"events": ["job.failed"]}, headers={"If-Match": changed.headers["etag"]}
    )

    assert json_of(changed, 200)["description"] == "mine"
    assert json_of(late, 412)["type"] == "/problems/changed-meanwhile"
    assert json_of(newest, 200)["events"] == ["job.failed"]
    assert (await post.read(webhook))["description"] == "mine"


async def test_a_webhook_cannot_become_the_twin_of_another(post: Post) -> None:
    await post.webhook(path="/one")
    two = await post.webhook(path="/two")

    refused = await post.client.patch(f"/v1/webhooks/{two['id']}", json={"url": post.url("/one")})

    assert json_of(refused, 422)["errors"][0]["field"] == "events"


@pytest.mark.parametrize(
    "body", [{}, {"enabled": "perhaps"}, {"secret": "x"}, {"events": []}, {"events": ["job.exploded"]}, {"url": ""}]
)
async def test_a_change_that_makes_no_sense_is_refused(post: Post, body: dict[str, Any]) -> None:
    webhook = await post.webhook()

    assert (await post.client.patch(f"/v1/webhooks/{webhook['id']}", json=body)).status_code == 422


async def test_switched_off_it_is_sent_nothing_and_removed_it_is_forgotten(post: Post) -> None:
    webhook, path = await post.webhook(), "/v1/webhooks/{id}"
    await post.ping(webhook)

    json_of(await post.client.patch(path.format(**webhook), json={"enabled": False}), 200)
    assert await post.carry() == 0
    (ended,) = await post.deliveries(webhook)
    removed = await post.client.delete(path.format(**webhook))

    assert (ended["state"], ended["error"]) == ("failed", "the webhook was switched off")
    assert removed.status_code == 204
    assert (await post.client.get(path.format(**webhook))).status_code == 404
    assert (await post.client.get(f"{path.format(**webhook)}/deliveries")).status_code == 404
    assert post.receiver.connections == 0


async def test_deliveries_are_listed_in_pages_and_by_state(post: Post) -> None:
    post.receiver.answers["/hook"] = [500, 200]
    webhook = await post.webhook()
    pings = [await post.ping(webhook) for _ in range(5)]
    await post.carry()
    path = f"/v1/webhooks/{webhook['id']}/deliveries"

    first = json_of(await post.client.get(path, params={"limit": 2}), 200)
    await post.ping(webhook)
    second = json_of(await post.client.get(path, params={"limit": 2, "cursor": first["next_cursor"]}), 200)

    assert [one["id"] for one in first["items"] + second["items"]] == [ping["id"] for ping in reversed(pings[1:])]
    assert len(await post.deliveries(webhook, state="delivered")) == 4
    assert {one["id"] for one in await post.deliveries(webhook, state="pending")} >= {pings[0]["id"]}
    assert (await post.client.get(path, params={"state": "lost"})).status_code == 422


async def test_every_event_is_in_the_openapi_document(gateway: Gateway) -> None:
    document = json_of(await gateway.anonymous().get("/openapi.json"), 200)

    assert set(document["webhooks"]) == {*ALL, "budget.reached", "webhook.ping"}
    for name, methods in document["webhooks"].items():
        reference = methods["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
        assert schema["examples"][0]["type"] == name
        headers = {parameter["name"] for parameter in methods["post"]["parameters"]}
        assert headers == {"webhook-id", "webhook-timestamp", "webhook-signature"}
