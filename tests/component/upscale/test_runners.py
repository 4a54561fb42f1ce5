"""Runners at the service's own door: rule by rule, on a real PostgreSQL, with real films and real checks."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from chassis.testing import Harness, harness
from contracts.documents import QualityReport
from contracts.gateway import JobCancelled, TenantErased, VideoErased
from contracts.runners import BudgetChanged, RunnerChanged, RunnerReleased, RunnerRevoked, RunnerRotated
from contracts.steps import StepFailed, StepProgressed
from contracts.upscale import ChunkReady, UpscaleFailed, VideoUpscaled
from support.upscale_lending import (
    FRAMES,
    SECRET,
    a_runner,
    asked,
    at_work,
    build_here,
    let_time_pass,
    settle,
    states,
    tend,
)
from support.upscale_runners import ScriptedRunner, invite
from upscale.adapters.weights import model_named
from upscale.settings import Settings

pytestmark = [pytest.mark.servers]


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


async def test_a_film_is_made_by_runners_alone_and_its_report_names_them(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    job = await asked(service, film)
    runner = await a_runner(service, client, tmp_path)

    answers = []
    while lease := await runner.claim():
        answers.append(await runner.do(lease))
        await settle(service)

    (done,) = service.facts(VideoUpscaled)
    report = QualityReport.model_validate_json(await service.blobs.get_bytes(done.qc_key))
    assert [answer.status_code for answer in answers] == [202] * len(report.chunks)
    assert (report.passed, report.frames_in, report.frames_out) == (True, FRAMES, FRAMES)
    assert {chunk.machine for chunk in report.chunks} == {"attic (repeating)"}
    assert [task["kind"] for task in await service.tasks()].count("chunk") == 0
    assert [key async for key in service.blobs.list(f"scratch/{service.tenant_id}/{job}/")] == []


async def test_a_token_registers_one_machine_and_only_until_it_expires(
    service: Harness, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    good, late = await invite(service), await invite(service, valid_s=-1)
    runner = ScriptedRunner(client, tmp_path)

    first = await runner.register(good)
    answers = [await runner.register(token) for token in (good, late, good[:-1] + "x", "mct_" + "0" * 60)]

    assert first.status_code == 201
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401]
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert "ask the operator" in answers[0].json()["detail"]
    async with service.database.begin_untenanted() as connection:
        kept = str((await connection.execute(text("SELECT * FROM runners"))).all())
    assert first.json()["secret"] not in kept
    assert good not in kept


async def test_a_program_that_is_too_old_is_told_what_to_do(
    service: Harness, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    runner = ScriptedRunner(client, tmp_path)

    answer = await runner.register(await invite(service), protocol=0)

    assert answer.status_code == 426
    assert "pip install --upgrade" in answer.json()["detail"]


async def test_nobody_gets_the_same_chunk_who_asks_at_the_same_time(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    runners = [await a_runner(service, client, tmp_path, name=f"r{number}") for number in range(4)]

    leases = await asyncio.gather(*(runner.claim() for runner in runners))

    chunks = [lease["chunk"]["id"] for lease in leases if lease]
    offered = await states(service)
    assert len(chunks) == len(set(chunks)) == min(4, len(offered))


async def test_who_waits_for_work_is_given_it_when_it_comes(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner = await a_runner(service, client, tmp_path)
    looking: asyncio.Future[None] = asyncio.ensure_future(service.service.background[0]())

    waiting = asyncio.create_task(runner.claim(wait_s=20))
    await asked(service, film)
    lease = await waiting

    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    assert lease is not None


async def test_who_waits_for_work_is_let_go_when_the_service_ends(
    service: Harness, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    runner = await a_runner(service, client, tmp_path)
    looking: asyncio.Future[None] = asyncio.ensure_future(service.service.background[0]())
    waiting = asyncio.create_task(runner.claim(wait_s=25))
    await asyncio.sleep(0.3)

    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    done, _ = await asyncio.wait([waiting], timeout=15)

    assert done == {waiting}
    assert await waiting is None


async def test_a_lease_that_lapsed_is_another_s_and_the_stale_one_changes_nothing(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    first, second = [await a_runner(service, client, tmp_path, name=name) for name in ("first", "second")]
    stale = await first.claim()
    assert stale is not None
    chunk, report = await first.make(stale)
    await let_time_pass(service, 36)

    fresh = await second.claim()
    assert fresh is not None
    uploads = await first.send(stale["output_url"], chunk)
    told = [await first.tell(stale, "renew"), await first.tell(stale, "complete", **report)]
    told.append(await first.tell(stale, "fail", reason="oom"))
    done = await second.do(fresh)
    await settle(service)

    assert (fresh["chunk"]["id"], fresh["fencing_token"]) == (stale["chunk"]["id"], stale["fencing_token"] + 1)
    assert [answer.status_code for answer in told] == [409, 409, 409]
    assert [answer.status_code for answer in uploads] == [409, 409]
    assert done.status_code == 202
    ready = [fact for fact in service.facts(ChunkReady) if fact.index == fresh["chunk"]["index"]]
    assert len(ready) == 1
    assert ready[0].key.endswith(f".{fresh['fencing_token']}.mp4")


async def test_completing_twice_is_harmless_and_taken_once(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)
    chunk, report = await runner.make(lease)
    await runner.send(lease["output_url"], chunk)

    before = await runner.tell(lease, "complete", **report)
    again = await runner.tell(lease, "complete", **report)
    await settle(service)
    after = await runner.tell(lease, "complete", **report)

    assert [before.status_code, again.status_code, after.status_code] == [202, 202, 202]
    assert [fact.index for fact in service.facts(ChunkReady)].count(lease["chunk"]["index"]) == 1


async def test_a_chunk_that_is_not_what_was_promised_goes_to_another_machine(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    liar, honest = [await a_runner(service, client, tmp_path, name=name) for name in ("liar", "honest")]
    lease = await liar.claim()
    assert lease is not None
    missing = await liar.tell(lease, "complete", **(await liar.make(lease))[1])
    chunk, report = await liar.make(lease, frames=lease["chunk"]["frames"] - 1)
    await liar.send(lease["output_url"], chunk)
    short = {**report, "frames": lease["chunk"]["frames"], "partial": False}

    taken = await liar.tell(lease, "complete", **short)
    await settle(service)
    again = await honest.claim()

    assert (missing.status_code, missing.json()["type"]) == (422, "/problems/runner/not-handed-in")
    assert taken.status_code == 202
    assert service.facts(ChunkReady) == []
    assert again is not None
    assert again["chunk"]["id"] == lease["chunk"]["id"]


async def test_three_different_machines_that_fail_isolate_a_chunk_and_the_rest_goes_on(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    poison = ""
    runners = [await a_runner(service, client, tmp_path, name=f"r{number}") for number in range(3)]
    for runner in runners:
        lease = await runner.claim()
        assert lease is not None
        poison = poison or lease["chunk"]["id"]
        assert lease["chunk"]["id"] == poison
        assert (await runner.tell(lease, "fail", reason="oom", detail="no tile fits")).status_code == 204

    while lease := await runners[0].claim():
        assert lease["chunk"]["id"] != poison
        await runners[0].do(lease)
        await settle(service)

    (failed,), (step,) = service.facts(UpscaleFailed), service.facts(StepFailed)
    made = {fact.index for fact in service.facts(ChunkReady)}
    assert failed.failed_chunks == (0,)
    assert made == set(range(1, len(made) + 1))
    assert step.reason == "chunks_failed"
    assert "0.000 to" in step.detail
    assert "oom, on 3 machines" in step.detail
    assert service.facts(VideoUpscaled) == []


async def test_a_machine_taken_away_burns_no_try_and_one_that_keeps_failing_is_kept_out(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    runner = await a_runner(service, client, tmp_path)
    attempts = []
    for reason in ("preempted", "cancelled", "preempted", "oom", "oom"):
        lease = await runner.claim()
        assert lease is not None, reason
        await runner.tell(lease, "fail", reason=reason)
        attempts.append(lease["attempt"])

    lease = await runner.claim()
    assert lease is not None
    await runner.tell(lease, "fail", reason="unknown", detail="its fan stopped")
    refused = await runner.post("claims", {"protocol": 1})
    await service.hear(RunnerReleased(runner_id=UUID(runner.runner_id)), subject=runner.runner_id)
    released = await runner.post("claims", {"protocol": 1, "wait_s": 0})

    assert attempts[:4] == [1, 1, 1, 1]
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/runner/in-quarantine")
    assert released.status_code in (200, 204)
    changes = service.facts(RunnerChanged)
    assert [fact.state for fact in changes] == ["registered", "quarantined", "released"]
    assert "3 chunks failed in a row, the last one: unknown (its fan stopped)" in changes[1].reason


async def test_a_machine_that_must_go_hands_in_what_is_done_and_the_rest_is_planned_anew(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    going, staying = [await a_runner(service, client, tmp_path, name=name) for name in ("going", "staying")]
    lease = await going.claim()
    assert lease is not None
    whole = lease["chunk"]["frames"]
    chunk, report = await going.make(lease, frames=whole - 5)
    await going.send(lease["output_url"], chunk)

    taken = await going.tell(lease, "complete", **report)
    await settle(service)
    sizes = []
    while rest := await staying.claim():
        sizes.append(rest["chunk"]["frames"])
        await staying.do(rest)
        await settle(service)

    (done,) = service.facts(VideoUpscaled)
    qc = QualityReport.model_validate_json(await service.blobs.get_bytes(done.qc_key))
    assert taken.status_code == 202
    assert 5 in sizes
    assert (qc.passed, qc.frames_out) == (True, FRAMES)
    assert [chunk.frames for chunk in qc.chunks][:2] == [whole - 5, 5]
    assert sum(chunk.frames for chunk in qc.chunks) == FRAMES


async def test_the_last_one_at_work_is_given_company_and_the_first_verified_result_wins(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film, start=0.0, end=0.96, only=True)
    slow, quick = [await a_runner(service, client, tmp_path, name=name) for name in ("slow", "quick")]
    held = await slow.claim()
    assert held is not None
    assert await quick.claim() is None
    async with service.database.begin_untenanted() as connection:
        await connection.execute(text("UPDATE leases SET claimed_at = claimed_at - interval '400 seconds'"))

    company = await quick.claim()
    assert company is not None
    await quick.do(company)
    await settle(service)
    command = await slow.renew(held)
    late = await slow.tell(held, "renew")

    assert (company["chunk"]["id"], company["fencing_token"]) == (held["chunk"]["id"], 2)
    assert command == "cancel"
    assert late.status_code == 409
    assert len(service.facts(VideoUpscaled)) == 1


async def test_heartbeats_say_how_far_a_chunk_is_and_what_it_has_taken(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)

    await runner.renew(lease, frames_done=7, seconds=3.5, frames_per_second=2.0)

    async with service.database.begin_untenanted() as connection:
        row = (await connection.execute(text("SELECT frames_done, report, state FROM leases"))).one()
    told = [event.data for event in service.told if isinstance(event.data, StepProgressed)]
    assert (row.frames_done, row.state) == (7, "working")
    assert row.report == {"seconds": 3.5, "frames_per_second": 2.0}
    assert told[-1].message == f"frame 7 of {FRAMES}"
    assert 0.03 < told[-1].fraction < 0.95


async def test_a_cancelled_job_takes_its_chunks_back(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    job = await asked(service, film)
    runner = await a_runner(service, client, tmp_path)
    lease = await runner.claim()
    assert lease is not None

    video = (await service.tasks())[0]["subject"]
    await service.hear(JobCancelled(video_id=UUID(video)), subject=video, job_id=job)
    command = await runner.renew(lease)

    assert command == "cancel"
    assert await runner.claim() is None


async def test_a_spent_budget_stops_claims_until_there_is_money_again(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    runner = await a_runner(service, client, tmp_path)

    await service.hear(BudgetChanged(spent=True), subject=service.tenant_id)
    without = await runner.claim()
    await asked(service, film)
    still = await runner.claim()
    await service.hear(BudgetChanged(spent=False), subject=service.tenant_id)
    with_money = await runner.claim()

    assert without is None
    assert still is None
    assert with_money is not None


async def test_a_tenant_s_runner_never_sees_another_s_film_and_a_shared_one_works_for_all(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    other = uuid4()
    await asked(service, film, tenant_id=other)
    own = await a_runner(service, client, tmp_path, name="own")
    shared = await a_runner(service, client, tmp_path, name="shared", scope="shared")

    nothing, something = await own.claim(), await shared.claim()

    assert nothing is None
    assert something is not None
    assert (await shared.do(something)).status_code == 202
    await settle(service)
    assert [event.tenantid for event in service.announced if isinstance(event.data, ChunkReady)] == [other]


async def test_addresses_are_good_for_one_blob_one_purpose_and_some_time(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)
    source = bytes_of(film)

    part = await client.get(lease["input_url"], headers={"Range": "bytes=10-19"})
    beyond = await client.get(lease["input_url"], headers={"Range": f"bytes={len(source)}-"})
    forged = [
        await client.get(lease["output_url"]),
        await client.put(lease["input_url"], content=b"x"),
        await client.get(lease["input_url"][:-1] + ("0" if lease["input_url"][-1] != "0" else "1")),
    ]
    fresh = await runner.tell(lease, "urls")

    assert (part.status_code, part.content) == (206, source[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(source)}"
    assert beyond.status_code == 416
    assert [answer.status_code for answer in forged] == [403, 403, 403]
    assert (await client.get(fresh.json()["input_url"])).content == source
    assert SECRET not in lease["input_url"]


async def test_what_cannot_be_kept_is_refused_in_words(
    service: Harness, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    runner = await a_runner(service, client, tmp_path)
    said = {"protocol": 1, "wait_s": 0}
    headers = {"Authorization": f"Bearer {runner.secret}"}
    url = f"/v1/runner/leases/{uuid4()}/renew"

    answers = [
        await client.post("/v1/runner/claims", headers=headers, content=b'{"protocol": 1, "x": "\\u0000"}'),
        await client.post("/v1/runner/claims", headers=headers, content=b'{"protocol": 1, "x": "\\ud800"}'),
        await client.post("/v1/runner/claims", headers=headers, content=b"[" * 50_000),
        await client.post("/v1/runner/claims", headers=headers, content=b'{"protocol": 1, "wait_s": Infinity}'),
        await client.post(url, headers=headers, json={"fencing_token": 2**70}),
        await client.post("/v1/runner/claims", headers=headers, content=b" " * 70_000),
        await client.get("/v1/runner/bytes/claim/%C3%BC"),
        await client.post("/v1/runner/claims", headers={"Authorization": "Bearer mcr_nobody"}, json=said),
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 422, 413, 403, 401]
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}


async def test_nothing_can_be_handed_in_for_a_film_that_was_erased(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)
    chunk, _ = await runner.make(lease)
    video = UUID((await service.tasks())[0]["subject"])

    await service.hear(VideoErased(video_id=video), subject=video)
    await service.work_off()
    uploads = await runner.send(lease["output_url"], chunk)
    told = await runner.tell(lease, "renew")

    assert [answer.status_code for answer in uploads] == [409, 409]
    assert told.status_code == 409
    assert [key async for key in service.blobs.list("scratch/")] == []
    assert await states(service) == []
    assert await states(service, "leases") == []


async def test_an_upload_goes_on_where_it_was_cut(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)
    chunk, report = await runner.make(lease)
    url, total = lease["output_url"], len(chunk)

    begun = await client.put(url, content=chunk[:100], headers={"Content-Range": f"bytes 0-99/{total}"})
    repeated = await client.put(url, content=chunk[:100], headers={"Content-Range": f"bytes 0-99/{total}"})
    where = await client.put(url, headers={"Content-Range": f"bytes */{total}"})
    ended = await client.put(url, content=chunk[100:], headers={"Content-Range": f"bytes 100-{total - 1}/{total}"})
    again = await client.put(url, content=chunk[100:], headers={"Content-Range": f"bytes 100-{total - 1}/{total}"})

    assert [answer.status_code for answer in (begun, repeated, where, ended, again)] == [308, 308, 308, 200, 200]
    assert {answer.headers["range"] for answer in (begun, repeated, where)} == {"bytes=0-99"}
    assert (await runner.tell(lease, "complete", **report)).status_code == 202


async def test_an_erased_tenant_leaves_no_machine_no_offer_and_no_lease(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    runner = await a_runner(service, client, tmp_path)
    assert await runner.claim() is not None

    await service.hear(TenantErased(erasure_id=uuid4()), subject=service.tenant_id)

    async with service.database.begin_untenanted() as connection:
        left = [
            (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar()
            for table in ("runners", "offers", "leases")
        ]
    assert left == [0, 0, 0]


async def test_a_machine_that_signs_off_lets_go_at_once_and_one_of_one_session_is_void(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    (tmp_path / "going").mkdir()
    going = await ScriptedRunner.registered(client, tmp_path / "going", await invite(service), ephemeral=True)
    staying = await a_runner(service, client, tmp_path, name="staying")
    lease = await going.claim()
    assert lease is not None

    gone = await client.delete("/v1/runner", headers={"Authorization": f"Bearer {going.secret}"})
    fresh = await staying.claim()
    again = await going.post("claims", {"protocol": 1})

    assert (gone.status_code, again.status_code) == (204, 401)
    assert fresh is not None
    assert (fresh["chunk"]["id"], fresh["attempt"]) == (lease["chunk"]["id"], 1)
    assert [fact.state for fact in service.facts(RunnerChanged)][-1] == "revoked"


async def test_a_revoked_machine_is_nobody_and_what_it_held_goes_to_others(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    bad, good = [await a_runner(service, client, tmp_path, name=name) for name in ("bad", "good")]
    lease = await bad.claim()
    assert lease is not None

    await service.hear(RunnerRevoked(runner_id=UUID(bad.runner_id)), subject=bad.runner_id)
    told = await bad.tell(lease, "renew")
    await let_time_pass(service, 36)
    fresh = await good.claim()

    assert told.status_code == 401
    assert fresh is not None
    assert fresh["chunk"]["id"] == lease["chunk"]["id"]


async def test_a_secret_is_replaced_when_the_operator_wants_it_and_only_the_new_one_lasts(
    service: Harness, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    runner = await a_runner(service, client, tmp_path)
    await service.hear(RunnerRotated(runner_id=UUID(runner.runner_id)), subject=runner.runner_id)

    asked_to = await runner.post("claims", {"protocol": 1, "wait_s": 0})
    answer = await runner.post("secret", {})
    former, runner.secret = runner.secret, answer.json()["secret"]
    with_new = await runner.post("claims", {"protocol": 1, "wait_s": 0})
    async with service.database.begin_untenanted() as connection:
        await connection.execute(text("UPDATE runners SET former_until = now() - interval '1 second'"))
    runner.secret = former
    with_old = await runner.post("claims", {"protocol": 1, "wait_s": 0})

    assert asked_to.headers["runner-rotate"] == "true"
    assert "runner-rotate" not in with_new.headers
    assert [with_new.status_code, with_old.status_code] == [204, 401]


async def test_what_anybody_may_make_goes_to_idle_runners_first_and_then_to_the_pool_too(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await a_runner(service, client, tmp_path)

    await asked(service, film, dispatch="auto")
    before = await states(service)
    async with service.database.begin_untenanted() as connection:
        await connection.execute(text("UPDATE offers SET pool_after = now() WHERE pool_after IS NOT NULL"))
    await tend(service)
    await settle(service)

    assert before[0] == "open"
    assert set(before[1:]) <= {"done"}
    assert set(await states(service)) == {"done"}
    assert len(service.facts(VideoUpscaled)) == 1


async def test_without_a_secret_there_are_no_runners_and_the_pool_makes_everything(
    postgres_url: str, film: Path, tmp_path: Path
) -> None:
    async with harness(
        "upscale", build_here, settings=Settings, admin_url=postgres_url, cache_dir=tmp_path / "cache",
        chunk_megapixels=0.0001, preset="ultrafast",
    ) as service:  # fmt: skip
        await asked(service, film)
        await settle(service)

        assert service.service.app is None
        assert len(service.facts(VideoUpscaled)) == 1
        assert await states(service) == []


async def test_a_network_of_the_operators_own_goes_to_a_machine_with_the_same_weights(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    own = tmp_path / "models" / "custom-ours"
    own.mkdir(parents=True)
    (own / "net.pth").write_bytes(b"weights of ours")
    digest = model_named("custom-ours", models_dir=tmp_path / "models").sha256
    await asked(service, film, model="custom-ours")
    others = [
        await ScriptedRunner.registered(
            client, tmp_path, await invite(service), name=name, capabilities={"processor": "x", "models": models}
        )
        for name, models in (("lean", {}), ("older", {"custom-ours": "0" * 64}), ("same", {"custom-ours": digest}))
    ]

    lean, older, same = [await runner.claim() for runner in others]

    assert lean is older is None
    assert same is not None
    assert same["parameters"]["plan"]["model"] == "custom-ours"
    assert same["parameters"]["plan"]["model_sha256"] == digest
