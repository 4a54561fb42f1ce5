"""Usage: each piece of work counted once, at the price of its day; reports, budgets, estimates, and stored bytes."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, text, update

from chassis.database import Database
from contracts import uuid7
from contracts.align import AlignmentReady
from contracts.runners import BudgetChanged
from contracts.transcribe import TranscriptReady
from contracts.upscale import PoolShare, VideoUpscaled
from contracts.vision import ScenesDetected, WatermarksDetected
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.postgres.tables import storage_counts, storage_days, usage_entries, work_samples
from gateway.domain.access import Role
from gateway.domain.metering import UsageKind, written
from gateway.settings import Settings
from gateway.usecases.budgets import KeepBooks
from gateway.usecases.notify import Notify
from gateway.wiring.limits import egress_of, prices_of
from support.gateway_rig import Gateway, a_gateway, an_ingested, json_of
from support.served_gateway import serving

MOVIE_BYTES = 24 << 20
"""More than the buffers of both ends of a connection hold."""
PRICES = {
    "transcript_minutes": "0.02",
    "ingested_minutes": "0.003",
    "upscaled_megapixels": "0.0001",
    "sent_gigabytes": "0.08",
    "gpu_hours": "1.20",
}
MINUTES = "0.088333"
"""5.3 seconds."""


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    async with a_gateway(postgres_url, currency="EUR", prices=PRICES) as running:
        yield running


async def an_owner(gateway: Gateway) -> httpx.AsyncClient:
    """The owner of a tenant nobody else uses: the gateway is shared."""
    return await gateway.owner(f"studio {uuid4()}")


def books(gateway: Gateway, **prices: Any) -> KeepBooks:
    settings = cast(Settings, gateway.harness.service.settings).model_copy(update=prices)
    notify = Notify(PostgresRecords, gateway.use_cases.jobs._changes)
    return KeepBooks(gateway.harness.database, PostgresRecords, notify, prices_of(settings), every_s=1.0)


def transcript(video: dict[str, Any], run: int = 1, seconds: float = 2.0) -> TranscriptReady:
    return TranscriptReady(
        video_id=video["id"], run=run, key="derived/t/j/t.json", audio_key=None, language="en", words=3, engine="e",
        model_sha256="0" * 64, seconds=seconds,
    )  # fmt: skip


def scenes(video: dict[str, Any]) -> ScenesDetected:
    return ScenesDetected(video_id=video["id"], run=1, key="derived/t/j/s.json", scenes=1, engine="e", seconds=1.0)


def upscaled(video: dict[str, Any], *pools: PoolShare) -> VideoUpscaled:
    return VideoUpscaled(
        video_id=video["id"], run=1, rendition_key="derived/t/j/r.mp4", qc_key="derived/t/j/qc.json", width=2560,
        height=1440, frames=132, passed=True, engine="e", model_sha256="0" * 64, seconds=121.6,
        pools=pools,
    )  # fmt: skip


async def usage(client: httpx.AsyncClient, **query: str) -> dict[str, Any]:
    return json_of(await client.get("/v1/usage", params=query), 200)


async def used(client: httpx.AsyncClient) -> dict[str, str]:
    return {line["kind"]: line["quantity"] for line in (await usage(client))["items"]}


async def transcribed(gateway: Gateway, client: httpx.AsyncClient, times: int = 1) -> dict[str, Any]:
    """A video of which so many jobs have made a transcript."""
    video = await gateway.ingested(client)
    for _ in range(times):
        job = await gateway.job(client, video["id"], ["transcript"])
        await gateway.hear(client, transcript(video), subject=video["id"], job=job)
    return video


async def test_every_step_is_counted_in_its_unit(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video, script = await gateway.ingested(client), await gateway.script(client)
    steps = ["scenes", "watermarks", "alignment", "upscale"]
    job = await gateway.job(client, video["id"], steps, script_id=script["id"])
    key = {"key": "derived/t/j/x.json", "engine": "e", "seconds": 1.0}

    for fact in (
        scenes(video),
        WatermarksDetected(video_id=video["id"], run=1, marks=0, **key),
        transcript(video),
        AlignmentReady(
            video_id=video["id"], script_id=script["id"], run=1, exports={}, script_matches="yes", coverage=1.0,
            lines=1, **key,
        ),
        upscaled(video),
    ):  # fmt: skip
        await gateway.hear(client, fact, subject=video["id"], job=job)

    assert await used(client) == {
        "ingested_minutes": MINUTES,
        "scenes_minutes": MINUTES,
        "watermarks_minutes": MINUTES,
        "transcript_minutes": MINUTES,
        "alignment_minutes": MINUTES,
        "upscaled_frames": "132.00",
        "upscaled_megapixels": "486.6048",
    }


async def test_a_fact_that_comes_twice_or_under_another_id_is_counted_once(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"], ["transcript", "upscale"])

    for fact in (an_ingested(video["id"]), transcript(video), transcript(video, seconds=9.0), upscaled(video)) * 2:
        await gateway.hear(client, fact, subject=video["id"], job=None if "duration_s" in str(fact) else job)

    assert await used(client) == {
        "ingested_minutes": MINUTES,
        "transcript_minutes": MINUTES,
        "upscaled_frames": "132.00",
        "upscaled_megapixels": "486.6048",
    }


async def test_a_step_that_is_heard_of_before_the_video_is_counted_when_its_length_is_known(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video = await gateway.video(client)
    job = await gateway.job(client, video["id"], ["scenes"])

    await gateway.hear(client, scenes(video), subject=video["id"], job=job)
    before = await used(client)
    await gateway.hear(client, an_ingested(video["id"]), subject=video["id"])

    assert (before, await used(client)) == ({}, {"ingested_minutes": MINUTES, "scenes_minutes": MINUTES})


async def test_work_that_was_called_off_costs_nothing(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"], ["transcript"])
    await client.post(f"/v1/jobs/{job['id']}/cancel")

    await gateway.hear(client, transcript(video), subject=video["id"], job=job)

    assert await used(client) == {"ingested_minutes": MINUTES}


async def test_amounts_are_exact_and_keep_the_price_of_their_day(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    await transcribed(gateway, client, times=3)

    report = await usage(client)

    amounts = {line["kind"]: Decimal(line["amount"]) for line in report["items"]}
    assert amounts == {"ingested_minutes": Decimal("0.000264999"), "transcript_minutes": Decimal("0.00529998")}
    assert report["totals"] == [{"amount": "0.005564979", "currency": "EUR"}]
    assert {line["currency"] for line in report["items"]} == {"EUR"}


async def test_a_report_is_by_kind_by_day_or_by_job_as_json_or_csv(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    await transcribed(gateway, client, times=2)
    today = datetime.now(UTC).date()

    by_day, by_job = await usage(client, by="day"), await usage(client, by="job")
    table = await client.get("/v1/usage", params={"by": "day", "format": "csv"})
    same = await client.get("/v1/usage", params={"by": "day"}, headers={"Accept": "text/csv"})
    elsewhere = await usage(client, **{"from": "2020-01-01", "to": "2020-01-31"})

    assert [(line["day"], line["kind"]) for line in by_day["items"]] == [
        (today.isoformat(), "ingested_minutes"),
        (today.isoformat(), "transcript_minutes"),
    ]
    assert [(line["job_id"] is None, line["kind"]) for line in by_job["items"]] == [
        (True, "ingested_minutes"),
        (False, "transcript_minutes"),
        (False, "transcript_minutes"),
    ]
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.text == same.text
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert rows == [
        {k: str(line[k]) for k in ("day", "kind", "quantity", "amount", "currency")} for line in by_day["items"]
    ]
    assert (elsewhere["items"], elsewhere["totals"]) == ([], [])


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-02-01", "to": "2026-01-01"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"by": "year"},
        {"to": "0"},
        {"from": "2026-13-01"},
    ],
)
async def test_a_report_that_makes_no_sense_is_refused(gateway: Gateway, query: dict[str, str]) -> None:
    client = await an_owner(gateway)

    answer = await client.get("/v1/usage", params=query)

    assert json_of(answer, 422)["type"] == "/problems/invalid-request"


async def test_a_report_that_was_read_before_need_not_be_sent_again(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    await gateway.ingested(client)
    first = await client.get("/v1/usage")
    known = {"If-None-Match": first.headers["etag"]}

    same = await client.get("/v1/usage", headers=known)
    await gateway.ingested(client)
    other = await client.get("/v1/usage", headers=known)

    assert (same.status_code, same.content, other.status_code) == (304, b"", 200)


async def test_usage_is_seen_by_those_who_may(gateway: Gateway) -> None:
    tenant = await gateway.tenant(f"studio {uuid4()}")
    clients = {role: await gateway.client(await gateway.user(tenant, role)) for role in Role}

    reads = {role: (await client.get("/v1/usage")).status_code for role, client in clients.items()}
    sets = {
        role: (await client.put("/v1/budget", json={"amount": "1"})).status_code for role, client in clients.items()
    }

    assert {role for role, status in reads.items() if status == 200} == {
        Role.OWNER, Role.ADMIN, Role.EDITOR, Role.OPS,
    }  # fmt: skip
    assert {role for role, status in sets.items() if status == 200} == {Role.OWNER, Role.ADMIN}


# --- budgets


async def hooked(gateway: Gateway, client: httpx.AsyncClient) -> None:
    """A webhook for budgets, straight into the table: nothing is sent in these tests."""
    me = json_of(await client.get("/v1/me"), 200)
    async with gateway.harness.database.begin(UUID(me["tenant_id"])) as work:
        await work.connection.execute(
            text(
                "INSERT INTO webhooks (id, url, events, enabled, keys)"
                " VALUES (:id, 'https://x.example', '{budget.reached}', true, '[]')"
            ),
            {"id": uuid7()},
        )


async def told(gateway: Gateway, client: httpx.AsyncClient) -> list[Any]:
    me = json_of(await client.get("/v1/me"), 200)
    async with gateway.harness.database.read(UUID(me["tenant_id"])) as connection:
        rows = await connection.execute(text("SELECT body::jsonb -> 'data' FROM webhook_deliveries ORDER BY id"))
        return [row[0] for row in rows]


async def test_each_mark_of_a_budget_is_told_of_once(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    await hooked(gateway, client)
    # 0.000264999 for taking the video in, and 0.00176666 for each transcript: 56 %, 94 %, 114 %, 134 %.
    json_of(await client.put("/v1/budget", json={"amount": "0.01"}), 200)
    marks = []

    for times in (3, 2, 1, 1):
        await transcribed(gateway, client, times=times)
        await asyncio.gather(*(books(gateway).watch_budgets() for _ in range(3)))
        marks.append([note["percent"] for note in await told(gateway, client)])

    assert marks == [[], [80], [80, 100], [80, 100]]
    note = (await told(gateway, client))[-1]
    assert (note["amount"], note["currency"], note["hard"]) == ("0.01", "EUR", False)
    assert note["month"] == datetime.now(UTC).strftime("%Y-%m")
    assert Decimal(note["spent"]) >= Decimal("0.01")


async def test_a_budget_that_is_lowered_below_what_is_spent_is_told_of_at_once_and_again_after_it_was_raised(
    gateway: Gateway,
) -> None:
    client = await an_owner(gateway)
    await hooked(gateway, client)
    await transcribed(gateway, client, times=6)

    for amount in ("100", "0.01", "0.01", "100", "0.01"):
        json_of(await client.put("/v1/budget", json={"amount": amount}), 200)

    assert [note["percent"] for note in await told(gateway, client)] == [100, 100]


async def test_a_hard_budget_that_is_spent_refuses_new_jobs_and_retries_until_it_is_raised(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video = await transcribed(gateway, client, times=6)
    wanted = {"video_id": video["id"], "steps": ["scenes"]}
    json_of(await client.put("/v1/budget", json={"amount": "0.01", "hard": True}), 200)

    refused = await client.post("/v1/jobs", json=wanted)
    soft = await client.put("/v1/budget", json={"amount": "0.01", "hard": False})
    accepted = await client.post("/v1/jobs", json=wanted)

    problem = json_of(refused, 403)
    assert (problem["type"], problem["detail"].startswith("0.01 of 0.01 EUR are spent")) == (
        "/problems/budget-exhausted",
        True,
    )
    assert (soft.status_code, accepted.status_code) == (200, 202)


async def test_a_hard_budget_is_set_aside_before_work_begins_and_free_again_when_it_is_over(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video = await gateway.ingested(client)
    wanted = {"video_id": video["id"], "steps": ["upscale"]}
    cost = Decimal(json_of(await client.post("/v1/jobs/estimate", json=wanted), 200)["amount"])
    enough = (cost * 3 / 2).quantize(Decimal("0.01"))
    json_of(await client.put("/v1/budget", json={"amount": str(enough), "hard": True}), 200)

    at_once = await asyncio.gather(*(client.post("/v1/jobs", json=wanted) for _ in range(2)))
    cheap = await client.post("/v1/jobs", json={**wanted, "steps": ["transcript"]})
    accepted = next(answer for answer in at_once if answer.status_code == 202)
    json_of(await client.post(f"/v1/jobs/{accepted.json()['id']}/cancel"), 202)
    afterwards = await client.post("/v1/jobs", json=wanted)

    assert sorted(answer.status_code for answer in at_once) == [202, 403]
    problem = next(answer.json() for answer in at_once if answer.status_code == 403)
    assert problem["type"] == "/problems/budget-too-small"
    assert f"would cost about {written(cost)} EUR" in problem["detail"]
    assert f"{written(cost)} set aside for jobs that are not done" in problem["detail"]
    assert (cheap.status_code, afterwards.status_code) == (202, 202)


async def test_what_a_job_has_cost_already_is_not_set_aside_for_it_as_well(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video = await gateway.ingested(client)
    json_of(await client.put("/v1/budget", json={"amount": "10", "hard": True}), 200)
    both, one = ({"video_id": video["id"], "steps": steps} for steps in (["transcript", "upscale"], ["transcript"]))
    estimates = [json_of(await client.post("/v1/jobs/estimate", json=wanted), 200) for wanted in (both, one)]
    cost, first = (Decimal(estimate["amount"]) for estimate in estimates)
    job = json_of(await client.post("/v1/jobs", json=both), 202)

    before = await set_aside(gateway, client)
    await gateway.hear(client, transcript(video), subject=video["id"], job=job)
    meanwhile = await set_aside(gateway, client)
    json_of(await client.post(f"/v1/jobs/{job['id']}/cancel"), 202)

    assert first > 0
    assert (before, meanwhile, await set_aside(gateway, client)) == (cost, cost - first, Decimal(0))


async def set_aside(gateway: Gateway, client: httpx.AsyncClient) -> Decimal:
    me = json_of(await client.get("/v1/me"), 200)
    async with gateway.harness.database.read(UUID(me["tenant_id"])) as connection:
        return await PostgresRecords(connection).usage.reserved(without=None)


async def test_a_soft_budget_sets_nothing_aside(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video = await gateway.ingested(client)
    json_of(await client.put("/v1/budget", json={"amount": "0.01", "hard": False}), 200)

    accepted = await client.post("/v1/jobs", json={"video_id": video["id"], "steps": ["upscale"]})

    assert accepted.status_code == 202


async def test_other_services_hear_when_a_budget_is_spent_and_when_there_is_money_again(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    await transcribed(gateway, client, times=6)
    before = len(gateway.harness.facts(BudgetChanged))
    amounts = [("0.01", True), ("0.02", True), ("1000", True), ("0.01", True), ("0.01", False)]

    for amount, hard in amounts:
        json_of(await client.put("/v1/budget", json={"amount": amount, "hard": hard}), 200)
        await books(gateway).watch_budgets()
    json_of(await client.put("/v1/budget", json={"amount": "0.01", "hard": True}), 200)
    dropped = await client.delete("/v1/budget")

    assert dropped.status_code == 204
    told_of = [fact.spent for fact in gateway.harness.facts(BudgetChanged)[before:]]
    assert told_of == [True, False, True, False], "a soft one too"


async def test_of_two_who_change_a_budget_the_second_is_told(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    none_yet = await client.put("/v1/budget", json={"amount": "1"}, headers={"If-Match": '"x"'})
    made = await client.put("/v1/budget", json={"amount": "100"})
    tag = {"If-Match": made.headers["etag"]}

    first = await client.put("/v1/budget", json={"amount": "200"}, headers=tag)
    second = await client.put("/v1/budget", json={"amount": "300"}, headers=tag)
    gone = await client.delete("/v1/budget", headers=tag)
    read = await client.get("/v1/budget")
    dropped = await client.delete("/v1/budget", headers={"If-Match": read.headers["etag"]})

    assert [one.status_code for one in (none_yet, first, second, gone)] == [412, 200, 412, 412]
    assert read.json() == {"amount": "200.00", "currency": "EUR", "hard": False}
    assert (dropped.status_code, (await client.get("/v1/budget")).status_code) == (204, 404)


@pytest.mark.parametrize("amount", ["0", "-1", "1.001", "NaN", "Infinity", "1e20", "x"])
async def test_a_budget_is_an_amount_of_money(gateway: Gateway, amount: str) -> None:
    client = await an_owner(gateway)

    answer = await client.put("/v1/budget", json={"amount": amount})

    assert json_of(answer, 422)["errors"][0]["field"] == "amount"


async def test_without_prices_there_is_nothing_to_budget(postgres_url: str) -> None:
    async with a_gateway(postgres_url) as gateway:
        client = await an_owner(gateway)
        await gateway.ingested(client)

        refused = await client.put("/v1/budget", json={"amount": "1"})
        report, standing = await usage(client), json_of(await client.get("/v1/usage/standing"), 200)

    assert json_of(refused, 409)["type"] == "/problems/no-prices"
    assert (report["items"][0]["amount"], report["totals"], standing["spent"]) == (None, [], None)


# --- stored bytes


async def test_stored_bytes_are_entered_for_days_that_are_over_once(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    me = json_of(await client.get("/v1/me"), 200)
    await gateway.video(client, b"x" * 4096)
    today = datetime.now(UTC).date()
    begun = datetime.combine(today - timedelta(days=2), datetime.min.time(), UTC) + timedelta(hours=12)
    async with gateway.harness.database.begin(UUID(me["tenant_id"])) as work:
        await work.connection.execute(update(storage_counts).values(since=begun, bytes=4096))
        await work.connection.execute(storage_days.delete())

    entered = await books(gateway).enter_storage(before=today)
    again = await books(gateway).enter_storage(before=today)

    async with gateway.harness.database.read(UUID(me["tenant_id"])) as connection:
        query = select(usage_entries.c.day, usage_entries.c.quantity).where(
            usage_entries.c.kind == UsageKind.STORED_GIB_DAYS.value
        )
        rows = (await connection.execute(query.order_by(usage_entries.c.day))).all()
    assert (entered, again) == (2, 0)
    assert [(row.day, row.quantity) for row in rows] == [
        (today - timedelta(days=2), Decimal("0.000002")),
        (today - timedelta(days=1), Decimal("0.000004")),
    ]


async def test_a_change_in_the_middle_of_a_day_counts_from_then_on(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    me = json_of(await client.get("/v1/me"), 200)
    video = await gateway.video(client, b"x" * 1000)
    midnight = datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC)
    async with gateway.harness.database.begin(UUID(me["tenant_id"])) as work:
        await work.connection.execute(storage_days.delete())
        await work.connection.execute(update(storage_counts).values(since=midnight - timedelta(hours=30)))

    await client.delete(f"/v1/videos/{video['id']}")

    async with gateway.harness.database.read(UUID(me["tenant_id"])) as connection:
        days = {row.day: row.byte_seconds for row in await connection.execute(select(storage_days))}
        left = await connection.scalar(select(storage_counts.c.bytes))
    assert left == 0
    assert days[midnight.date() - timedelta(days=2)] == 1000 * 6 * 3600
    assert days[midnight.date() - timedelta(days=1)] == 1000 * 24 * 3600
    assert set(days) == {midnight.date() - timedelta(days=n) for n in range(3)}


# --- estimates


async def nothing_was_measured(gateway: Gateway) -> None:
    """As in an installation on its first day."""
    async with gateway.harness.database.begin_untenanted() as connection:
        await connection.execute(work_samples.delete())


async def estimate(client: httpx.AsyncClient, status: int = 200, **wanted: Any) -> dict[str, Any]:
    return json_of(await client.post("/v1/jobs/estimate", json=wanted), status)


async def test_an_estimate_says_units_money_time_and_how_it_knows(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video = await gateway.ingested(client)
    wanted = {"video_id": video["id"], "steps": ["transcript", "upscale"], "options": {"upscale": {"scale": 2}}}
    await nothing_was_measured(gateway)

    first = await estimate(client, **wanted)

    spoken, pixels = first["steps"]
    assert (spoken["units"], spoken["basis"], spoken["samples"]) == ({"transcript_minutes": MINUTES}, "default", 0)
    assert pixels["units"] == {"upscaled_frames": "133.00", "upscaled_megapixels": "490.2912"}
    assert Decimal(pixels["amount"]) == Decimal("490.2912") * Decimal("0.0001")
    assert pixels["seconds"] == round(490.2912 / 4 * 1.5, 1)
    assert Decimal(first["amount"]) == Decimal(spoken["amount"]) + Decimal(pixels["amount"])
    assert (first["currency"], first["seconds"]) == ("EUR", pixels["seconds"])


async def test_an_estimate_learns_from_the_tenant_s_own_work_and_else_from_everybody_s(gateway: Gateway) -> None:
    mine, other = await an_owner(gateway), await an_owner(gateway)
    await nothing_was_measured(gateway)
    video = await gateway.ingested(mine)
    others = await gateway.ingested(other)
    wanted: dict[str, Any] = {"steps": ["transcript"]}
    before = await estimate(other, video_id=others["id"], **wanted)

    for seconds in (1.0, 3.0, 50.0):
        job = await gateway.job(mine, video["id"], ["transcript"])
        await gateway.hear(mine, transcript(video, seconds=seconds), subject=video["id"], job=job)

    own = (await estimate(mine, video_id=video["id"], **wanted))["steps"][0]
    all_ = (await estimate(other, video_id=others["id"], **wanted))["steps"][0]
    fast = (await estimate(mine, video_id=video["id"], options={"recognizer": "fast"}, **wanted))["steps"][0]
    assert before["steps"][0]["basis"] == "default"
    assert (own["seconds"], own["basis"], own["samples"]) == (3.0, "tenant", 3)
    assert (all_["seconds"], all_["basis"], all_["samples"]) == (3.0, "installation", 3)
    assert fast["basis"] == "default", "another engine is another pace"


async def test_an_estimate_says_hours_and_money_for_each_kind_of_machine_that_was_measured(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video = await gateway.ingested(client)
    shares = (
        PoolShare(pool="gpu", seconds=36.0, megapixels=400.0),
        PoolShare(pool="colab", seconds=90.0, megapixels=100.0),
    )
    for _ in range(3):
        job = await gateway.job(client, video["id"], ["upscale"])
        await gateway.hear(client, upscaled(video, *shares), subject=video["id"], job=job)
    used_up = await used(client)

    wanted: dict[str, Any] = {"video_id": video["id"], "steps": ["upscale"]}
    dispatched = [{"upscale": {"scale": 2, "dispatch": dispatch}} for dispatch in ("gpu", "colab", "auto")]
    steps = [(await estimate(client, options=options, **wanted))["steps"][0] for options in dispatched]

    pixels = Decimal("490.2912")
    gpu, colab = steps[0]["pools"]
    assert [(one["pool"], one["basis"], one["samples"]) for one in (gpu, colab)] == [
        ("gpu", "tenant", 3),
        ("colab", "tenant", 3),
    ]
    assert float(gpu["hours"]) == pytest.approx(float(pixels) * 36 / 400 / 3600, abs=1e-5)
    assert float(colab["hours"]) == pytest.approx(float(pixels) * 90 / 100 / 3600, abs=1e-5)
    assert Decimal(colab["amount"]) == pixels * Decimal("0.0001")
    assert Decimal(gpu["amount"]) == Decimal(colab["amount"]) + Decimal(gpu["hours"]) * Decimal("1.20")
    assert [step["amount"] for step in steps] == [gpu["amount"], colab["amount"], gpu["amount"]]
    assert (used_up["gpu_hours"], used_up["colab_hours"]) == ("0.03", "0.075")


async def test_a_video_that_is_not_here_is_estimated_by_its_measures_with_taking_it_in(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    await nothing_was_measured(gateway)
    media = {"duration": 3600, "width": 1920, "height": 1080, "frame_rate": 25}

    found = await estimate(client, media=media, steps=["scenes", "alignment"])

    assert [step["step"] for step in found["steps"]] == ["ingest", "scenes", "transcript", "alignment"]
    assert found["seconds"] == 12 * 60 + 6 * 60 + 3 * 60
    assert json_of(await client.get("/v1/jobs"), 200)["items"] == []


async def test_an_estimate_needs_one_video_that_can_be_worked_on(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    waiting = await gateway.video(client)
    erased = await gateway.ingested(client)
    await client.delete(f"/v1/videos/{erased['id']}")
    steps = ["scenes"]

    problems = [
        await estimate(client, 404, video_id=waiting["id"], steps=steps),
        await estimate(client, 404, video_id=str(uuid4()), steps=steps),
        await estimate(client, 409, video_id=erased["id"], steps=steps),
        await estimate(client, 422, steps=steps),
    ]

    assert [problem["type"].rpartition("/")[2] for problem in problems] == [
        "not-ready",
        "not-found",
        "video-unusable",
        "invalid-request",
    ]


async def a_film(gateway: Gateway, client: httpx.AsyncClient, size: int = MOVIE_BYTES) -> str:
    """Where a film of so many bytes can be fetched."""
    video = await gateway.ingested(client)
    await gateway.harness.blobs.put_bytes(f"derived/t/{video['id']}/original", bytes(size))
    return f"/v1/videos/{video['id']}/original"


async def sent(gateway: Gateway, client: httpx.AsyncClient) -> int:
    """Bytes that are in the books as sent to the client's tenant."""
    await gateway.use_cases.egress.enter()
    return int(Decimal((await used(client)).get("sent_gigabytes", "0")) * 10**9)


async def test_what_is_sent_is_counted_to_the_byte_and_priced(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    film, script = await a_film(gateway, client, 1000), await gateway.script(client)

    whole = await client.get(film)
    once = await sent(gateway, client)
    part = await client.get(film, headers={"Range": "bytes=100-149"})
    twice = await sent(gateway, client)
    nothing = [
        await client.get(film, headers={"If-None-Match": whole.headers["etag"]}),
        await client.get(film, headers={"Range": "bytes=1000-"}),
        await client.get("/v1/videos"),
    ]
    still = await sent(gateway, client)
    text_ = await client.get(f"/v1/scripts/{script['id']}/content")

    assert [one.status_code for one in (whole, part, *nothing)] == [200, 206, 304, 416, 200]
    assert (once, twice, still) == (1000, 1050, 1050)
    assert await sent(gateway, client) == 1050 + len(text_.content)
    [line] = [line for line in (await usage(client))["items"] if line["kind"] == "sent_gigabytes"]
    assert Decimal(line["amount"]) == Decimal(line["quantity"]) * Decimal(PRICES["sent_gigabytes"])
    assert Decimal(json_of(await client.get("/v1/usage/standing"), 200)["spent"]) > Decimal(line["amount"])


async def test_who_hangs_up_in_the_middle_is_charged_for_what_they_got(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    film, read = await a_film(gateway, client), 0

    async with (
        serving(gateway) as url,
        httpx.AsyncClient(base_url=url, headers=client.headers) as far,
        far.stream("GET", film) as answer,
    ):
        async for piece in answer.aiter_raw(1 << 16):
            read += len(piece)
            if read >= 1 << 20:
                break
        # The server is stopped before we look: the answer is over.
    counted = await sent(gateway, client)

    assert read <= counted < MOVIE_BYTES
    assert await sent(gateway, client) == counted


async def test_what_two_replicas_sent_is_added_up_and_what_is_entered_again_is_not(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    settings = cast(Settings, gateway.harness.service.settings)
    first, second = (egress_of(settings, gateway.harness.database) for _ in range(2))
    first.counter(tenant_id)(10)
    second.counter(tenant_id)(5)
    lost = uuid4()
    first.counter(lost)(7)

    await first.close()
    first._entered.clear()  # as after a commit of which the word was lost
    await first.enter()
    second.counter(tenant_id)(1)
    await second.close()

    assert await sent(gateway, client) == 16
    async with gateway.harness.database.read(lost) as connection:
        assert (await connection.execute(select(usage_entries))).all() == [], "a tenant that is gone leaves no trace"


async def test_what_cannot_be_entered_now_is_entered_later(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    egress = gateway.use_cases.egress
    egress.counter(tenant_id)(42)
    away = Database("postgresql://nobody@127.0.0.1:9/nothing", service="gateway")
    database, egress._database = egress._database, away

    await egress.close()
    egress._database = database
    await away.close()

    assert await sent(gateway, client) == 42
