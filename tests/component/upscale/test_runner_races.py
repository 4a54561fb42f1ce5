"""What crosses, comes late or comes twice between runners, their operator and the service."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from chassis.testing import Harness
from contracts.event import Event
from contracts.runners import BudgetChanged, RunnerReleased, RunnerRevoked
from contracts.steps import StepFailed
from contracts.upscale import ChunkReady, VideoUpscaled
from support.upscale_lending import a_runner, asked, at_work, let_time_pass, settle, states, tend
from support.upscale_runners import ScriptedRunner, invite
from upscale.adapters.postgres_runners import PostgresRunnerRecords
from upscale.adapters.weights import ANIME_VIDEO
from upscale.domain.runners import PROTOCOL

pytestmark = [pytest.mark.servers]


async def one(service: Harness, query: str) -> Any:
    """The first value that the database answers."""
    async with service.database.begin_untenanted() as connection:
        return await connection.scalar(text(query))


async def test_a_machine_that_is_revoked_while_it_waits_gets_nothing(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner = await a_runner(service, client, tmp_path)
    waiting = asyncio.create_task(runner.claim(wait_s=6))
    await asyncio.sleep(0.2)

    await service.hear(RunnerRevoked(runner_id=UUID(runner.runner_id)), subject=runner.runner_id)
    await asked(service, film)
    lease = await waiting

    assert lease is None
    assert set(await states(service)) == {"open"}


async def test_a_machine_that_is_revoked_lets_go_at_once_and_can_hand_in_nothing(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    bad, lease = await at_work(service, client, film, tmp_path)
    good = await a_runner(service, client, tmp_path, name="good")
    chunk, _ = await bad.make(lease)

    await service.hear(RunnerRevoked(runner_id=UUID(bad.runner_id)), subject=bad.runner_id)
    uploads = await bad.send(lease["output_url"], chunk)
    fresh = await good.claim()

    assert [answer.status_code for answer in uploads] == [409, 409]
    assert fresh is not None
    assert fresh["chunk"]["id"] == lease["chunk"]["id"]


async def test_a_renewal_that_crosses_the_hand_in_takes_nothing_back(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)
    chunk, report = await runner.make(lease)
    await runner.send(lease["output_url"], chunk)
    await runner.tell(lease, "complete", **report)

    handed_in = await runner.renew(lease)
    await settle(service)
    accepted = await runner.renew(lease)
    again = await runner.tell(lease, "complete", **report)

    assert [handed_in, accepted] == ["continue", "continue"]
    assert again.status_code == 202
    assert await states(service, "leases") == ["accepted"]


async def test_the_only_machine_there_is_tries_again_what_it_failed_on_after_all_else(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    runner = await a_runner(service, client, tmp_path)
    first = await runner.claim()
    assert first is not None
    await runner.tell(first, "fail", reason="upload", detail="its line was cut")

    order = []
    while lease := await runner.claim():
        order.append(lease["chunk"]["index"])
        await runner.do(lease)
        await settle(service)

    assert order == [*range(1, len(order)), 0]
    assert len(service.facts(VideoUpscaled)) == 1


async def test_a_chunk_that_ends_every_program_that_begins_it_is_isolated(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film, start=0.0, end=0.96)
    runner = await a_runner(service, client, tmp_path)

    attempts = []
    while lease := await runner.claim():
        attempts.append(lease["attempt"])
        if len(attempts) > 1:  # the first time it is gone before it begins
            await runner.renew(lease)

    assert attempts == [1, 1, 2, 3, 4, 5]
    (failed,) = service.facts(StepFailed)
    assert "its machine began anew without it" in failed.detail


async def test_what_anybody_may_make_goes_to_the_pool_when_its_machine_signs_off(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner = await a_runner(service, client, tmp_path)
    await asked(service, film, dispatch="auto", start=0.0, end=0.96)
    async with service.database.begin_untenanted() as connection:
        await connection.execute(text("UPDATE offers SET pool_after = NULL"))
    assert await runner.claim() is not None

    await client.delete("/v1/runner", headers={"Authorization": f"Bearer {runner.secret}"})
    await tend(service)
    await settle(service)

    assert await states(service) == ["done"]
    assert len(service.facts(VideoUpscaled)) == 1


async def test_a_fact_of_a_spent_budget_that_comes_late_does_not_stop_what_was_let_go_since(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    runner = await a_runner(service, client, tmp_path)
    earlier = Event[BudgetChanged].of(
        BudgetChanged(spent=True), source="test", subject=str(service.tenant_id), tenant_id=service.tenant_id
    )
    earlier = earlier.model_copy(update={"time": datetime.now(UTC) - timedelta(minutes=1)})

    await service.hear(BudgetChanged(spent=False), subject=service.tenant_id)
    await service.service.bus.deliver(earlier)

    assert await runner.claim() is not None


async def test_chunks_that_are_planned_while_the_budget_ends_wait_for_money_too(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner = await a_runner(service, client, tmp_path)

    async with service.database.begin(service.tenant_id) as work:
        records = PostgresRunnerRecords(work.connection)
        await records.set_paused(service.tenant_id, paused=True, at=datetime.now(UTC))
        planning = asyncio.create_task(asked(service, film))
        done, _ = await asyncio.wait([planning], timeout=3)
    await planning

    assert not done
    assert await runner.claim() is None


async def test_what_an_operator_calls_off_no_runner_goes_on_with(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    job = await planned_for_all(service, film)
    runner = await a_runner(service, client, tmp_path, name="late")
    task = next(task for task in await service.tasks() if task["kind"] == "chunk" and task["state"] == "queued")

    work = service.service.work
    assert work is not None
    assert await work.desk().cancel(task["id"], why="the film is broken")

    (failed,) = service.facts(StepFailed)
    assert (failed.reason, failed.detail) == ("cancelled_by_operator", "the film is broken")
    assert await runner.claim() is None
    assert job == task["job_id"]


async def planned_for_all(service: Harness, film: Path) -> UUID:
    """A job of one chunk that anybody may make, planned and no further."""
    job = await asked(service, film, dispatch="colab", start=0.0, end=0.96)
    async with service.database.begin_untenanted() as connection:
        await connection.execute(text("UPDATE offers SET policy = 'auto', pool_after = now()"))
    await tend(service)
    return job


async def test_a_short_stall_of_the_house_takes_no_chunk_from_a_machine(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)
    await runner.renew(lease)
    chunk, report = await runner.make(lease)

    await let_time_pass(service, 70, slow=True)
    renewed = await runner.renew(lease)
    await let_time_pass(service, 70, slow=True)
    uploads = await runner.send(lease["output_url"], chunk)
    done = await runner.tell(lease, "complete", **report)

    assert renewed == "continue"
    assert [answer.status_code for answer in uploads] == [308, 200]
    assert done.status_code == 202
    assert await states(service, "leases") == ["uploaded"]


async def test_a_lease_is_over_when_the_house_has_ended_it_and_not_before(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)
    async with service.database.begin_untenanted() as connection:
        await connection.execute(text("UPDATE leases SET lease_until = lease_until - interval '10 minutes'"))

    late = await runner.renew(lease)
    await tend(service)
    kept = await states(service, "leases")
    await let_time_pass(service, 70)

    assert (late, kept) == ("continue", ["working"])
    assert await states(service, "leases") == ["lapsed"]
    assert (await runner.tell(lease, "renew")).status_code == 409


async def test_the_dead_are_found_though_the_house_is_slow_and_silence_of_its_own_costs_no_chunk_a_try(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)
    await runner.renew(lease)

    await let_time_pass(service, 30 + 5 + 2 * 35 + 1, slow=True)
    while_slow = await one(service, "SELECT tries FROM offers WHERE token = 1")
    again = await runner.claim()
    assert again is not None
    await runner.renew(again)
    await let_time_pass(service, 36)
    later = await one(service, "SELECT tries FROM offers WHERE token = 2")

    assert again["chunk"]["id"] == lease["chunk"]["id"]
    assert await states(service, "leases") == ["lapsed", "lapsed"]
    assert (while_slow, later) == (0, 1)


async def test_a_machine_that_says_it_has_another_model_gets_chunks_for_it_at_once(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    runner = ScriptedRunner(client, tmp_path)
    bare: dict[str, Any] = {"processor": "a test's", "models": {}}
    registered = (await runner.register(await invite(service), capabilities=bare)).json()
    runner.secret = registered["secret"]
    claim = {"protocol": PROTOCOL, "wait_s": 0}

    without = await runner.post("claims", claim)
    able = {**bare, "models": {ANIME_VIDEO.name: ANIME_VIDEO.sha256}}
    with_model = await runner.post("claims", {**claim, "capabilities": able})

    assert (without.status_code, with_model.status_code) == (204, 200)
    assert await one(service, "SELECT cardinality(models) FROM runners") == 1


async def test_a_failure_that_crosses_a_release_does_not_shut_the_machine_out_again(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    runner = await a_runner(service, client, tmp_path)
    for _ in range(3):
        lease = await runner.claim()
        assert lease is not None
        await runner.tell(lease, "fail", reason="unknown")
    await service.hear(RunnerReleased(runner_id=UUID(runner.runner_id)), subject=runner.runner_id)

    lease = await runner.claim()
    assert lease is not None
    failed_at_once = await asyncio.gather(*(runner.tell(lease, "fail", reason="unknown") for _ in range(3)))

    assert {answer.status_code for answer in failed_at_once} == {204}
    assert await one(service, "SELECT failures FROM runners") == 1
    assert await one(service, "SELECT quarantined FROM runners") is None


async def test_rows_of_what_is_over_go_after_a_while_and_of_what_goes_on_stay(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)
    await runner.do(lease)
    await settle(service)
    await invite(service, valid_s=-1)
    async with service.database.begin_untenanted() as connection:
        for table, column in (("offers", "changed_at"), ("runners", "expires_at")):
            await connection.execute(text(f"UPDATE {table} SET {column} = {column} - interval '8 days'"))

    await tend(service)

    assert set(await states(service)) == {"open"}
    assert await states(service, "leases") == []
    assert await one(service, "SELECT count(*) FROM runners") == 1
    assert [fact.index for fact in service.facts(ChunkReady)] == [0]
