"""A task has one last word: done with its effects, or failed with a reason, in one commit and by its one holder."""

import asyncio
import logging
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from chassis.work import LeaseLost, Task, Workbench
from chassis.work._store import Claim
from contracts import Event
from contracts.steps import StepFailed
from support.chassis_running import Toy, until
from support.chassis_toy import TENANT, Noted, note
from support.work_toy import all_ended, in_state, put, replica, states, teach

pytestmark = pytest.mark.servers


def bench(toy: Toy) -> Workbench:
    assert toy.service.work is not None
    return toy.service.work


async def claimed(toy: Toy) -> Claim:
    async with toy.service.database.begin_untenanted() as connection:
        claim = await bench(toy)._store.claim_next(connection, "test")
    assert claim is not None
    return claim


async def change(toy: Toy, statement: str) -> None:
    async with toy.service.database.begin_untenanted() as connection:
        await connection.execute(text(statement))


async def failures(toy: Toy) -> list[StepFailed]:
    return [Event[StepFailed].model_validate_json(body).data for body in await toy.announced(StepFailed.stream)]


async def test_effects_facts_and_the_end_of_a_task_are_one_commit(toy: Toy) -> None:
    teach(bench(toy))
    await put(toy, "first")
    await put(toy, "second")

    async with replica(toy, service=toy.service):
        await until(lambda: all_ended(toy))

    assert await toy.notes() == ["first at attempt 1", "second at attempt 1"]
    assert len(await toy.announced(Noted.stream)) == 2
    assert await states(toy) == {"first": "done", "second": "done"}


async def test_what_fails_before_the_commit_leaves_nothing_behind(any_toy: Toy) -> None:
    @bench(any_toy).does("slips", tries=2)
    async def slips(task: Task) -> None:
        async with task.finish() as unit:
            await note(unit, f"attempt {task.attempt}")
            await unit.announce(Noted(note="x"), subject=task.subject)
            if task.attempt == 1:
                raise RuntimeError("after everything was written")

    await put(any_toy, "k", kind="slips")
    await bench(any_toy).work_off()

    assert await any_toy.notes() == ["attempt 2"]
    assert len(await any_toy.announced(Noted.stream)) == 1


@pytest.mark.parametrize("ending", ["finish", "retry", "failure", "hand back"])
async def test_a_worker_that_lost_its_task_can_write_no_ending_of_it(any_toy: Toy, ending: str) -> None:
    @bench(any_toy).does("overtaken", tries=1 if ending == "failure" else 3)
    async def overtaken(task: Task) -> None:
        await change(any_toy, "UPDATE tasks SET state = 'queued', token = token + 1")
        if ending == "hand back":
            await asyncio.sleep(60)
        if ending != "finish":
            raise RuntimeError("must not be told")
        async with task.finish() as unit:
            await note(unit, "must not be seen")

    await put(any_toy, "k", kind="overtaken")
    running = asyncio.create_task(bench(any_toy)._execution(await claimed(any_toy)).run())
    await until(lambda: in_state(any_toy, "k", "queued"))
    if ending == "hand back":
        running.cancel()
    outcome = await running

    assert outcome == "lost"
    assert await any_toy.notes() == []
    assert await failures(any_toy) == []
    row = await any_toy.task("k")
    assert (row.state, row.attempt, row.detail) == ("queued", 1, None)


async def test_the_handler_is_told_that_it_came_too_late(any_toy: Toy) -> None:
    seen: list[BaseException] = []

    @bench(any_toy).does("late")
    async def late(task: Task) -> None:
        await change(any_toy, "UPDATE tasks SET token = token + 1")
        try:
            async with task.finish() as unit:
                await note(unit, "must not be seen")
        except LeaseLost as error:
            seen.append(error)
            raise

    await put(any_toy, "k", kind="late")
    await bench(any_toy).work_off()

    assert [type(error) for error in seen] == [LeaseLost]
    assert await any_toy.notes() == []


async def test_retries_wait_longer_each_time_and_then_the_failure_is_announced(toy: Toy) -> None:
    job = uuid4()
    await toy.enqueue("slips once", payload={"fails": 1})
    await toy.enqueue("slips always", payload={"fails": 9, "run": 2}, job_id=job)

    async with toy.running():
        await until(lambda: all_ended(toy), timeout_s=20)

    assert await toy.notes() == ["slips once: played at attempt 2"]
    (failed,) = await failures(toy)
    assert (failed.reason, failed.attempts, failed.run, failed.detail) == ("runtime", 3, 2, "the toy slipped")
    (body,) = await toy.announced(StepFailed.stream)
    assert Event[StepFailed].model_validate_json(body).jobid == job
    assert (await toy.task("slips always")).state == "failed"


@pytest.mark.parametrize(("attempt", "full_s"), [(1, 10), (3, 40), (20, 300)], ids=["first", "third", "twentieth"])
async def test_the_wait_for_a_retry_doubles_up_to_five_minutes_and_half_of_it_is_random(
    any_toy: Toy, attempt: int, full_s: float
) -> None:
    await put(any_toy, "k", kind="unheard of")
    await change(any_toy, f"UPDATE tasks SET attempt = {attempt - 1}")
    bench(any_toy)._base_s = 10.0

    outcome = await bench(any_toy)._execution(await claimed(any_toy)).run()

    row = await any_toy.task("k")
    assert (outcome, row.attempt) == ("retried", attempt)
    assert full_s / 2 - 0.1 <= await waiting(any_toy) <= full_s + 0.1


async def test_while_something_is_away_a_task_burns_no_try_and_looks_again_within_half_a_minute(any_toy: Toy) -> None:
    @bench(any_toy).does("calls out", tries=1)
    async def calls_out(_: Task) -> None:
        raise ConnectionRefusedError("nobody there")

    await put(any_toy, "k", kind="calls out")
    bench(any_toy)._base_s = 1000.0

    outcome = await bench(any_toy)._execution(await claimed(any_toy)).run()

    row = await any_toy.task("k")
    assert (outcome, row.state, row.attempt) == ("retried", "queued", 0)
    assert await waiting(any_toy) <= 30.1


async def test_what_looks_like_an_outage_for_most_of_a_day_is_a_failure_with_a_reason(any_toy: Toy) -> None:
    @bench(any_toy).does("calls out", tries=1)
    async def calls_out(_: Task) -> None:
        raise ConnectionRefusedError("nobody there")

    await put(any_toy, "k", kind="calls out")
    await change(any_toy, "UPDATE tasks SET token = 3 * 3000 - 3")
    outcomes = [await bench(any_toy)._execution(await claimed(any_toy)).run()]
    await change(any_toy, "UPDATE tasks SET not_before = NULL, token = token + 1")  # as when it is sent
    outcomes += [await bench(any_toy)._execution(await claimed(any_toy)).run()]

    assert outcomes == ["retried", "failed"]
    assert [(failed.reason, failed.detail) for failed in await failures(any_toy)] == [
        ("connection_refused", "nobody there")
    ]


async def test_the_longer_something_is_away_the_less_often_a_task_asks_for_it(any_toy: Toy) -> None:
    @bench(any_toy).does("calls out", tries=1)
    async def calls_out(_: Task) -> None:
        raise ConnectionRefusedError("nobody there")

    await put(any_toy, "k", kind="calls out")
    bench(any_toy)._base_s = 1.0
    await change(any_toy, "UPDATE tasks SET token = 11")  # the fourth try begins

    await bench(any_toy)._execution(await claimed(any_toy)).run()

    assert 3.9 <= await waiting(any_toy) <= 8.1


async def waiting(toy: Toy) -> float:
    async with toy.service.database.begin_untenanted() as connection:
        query = "SELECT extract(epoch FROM not_before - changed_at)::float8 FROM tasks"
        return float(await connection.scalar(text(query)) or 0)


async def test_an_error_that_no_retry_cures_fails_the_task_at_once(toy: Toy) -> None:
    await toy.enqueue("hopeless", payload={"hopeless": True})

    async with toy.running():
        await until(lambda: in_state(toy, "hopeless", "failed"))

    assert [(failed.reason, failed.attempts) for failed in await failures(toy)] == [("hopeless", 1)]


async def test_a_failure_and_its_announcement_are_one_commit(any_toy: Toy) -> None:
    async def says_too_much(task: Task, _: Any, unit: Any) -> None:
        await note(unit, "announced")
        raise RuntimeError("and then it broke")

    @bench(any_toy).does("fails", tries=1, on_failure=says_too_much)
    async def fails(_: Task) -> None:
        raise RuntimeError("no")

    await put(any_toy, "k", kind="fails")
    outcome = await bench(any_toy)._execution(await claimed(any_toy)).run()

    assert outcome == "retried"
    assert await any_toy.notes() == []
    row = await any_toy.task("k")
    assert (row.state, row.attempt) == ("queued", 0)


async def test_words_that_postgresql_cannot_hold_do_not_keep_a_failure_from_being_told(
    any_toy: Toy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "chassis.work")  # pytest-xdist dies of a report with half a character in it

    @bench(any_toy).does("mumbles", tries=1)
    async def mumbles(_: Task) -> None:
        raise RuntimeError("a NUL \x00, half a character \udcff, and more: " + "x" * 5000)

    await put(any_toy, "k", kind="mumbles")
    outcome = await bench(any_toy)._execution(await claimed(any_toy)).run()

    assert outcome == "failed"
    (failed,) = await failures(any_toy)
    assert failed.detail.startswith("a NUL \N{REPLACEMENT CHARACTER}, half a character ?, and more: xxx")
    assert len(failed.detail) == 2000


async def test_a_handler_cancelled_from_within_burns_its_tries_instead_of_spinning(any_toy: Toy) -> None:
    @bench(any_toy).does("gives way", tries=2)
    async def gives_way(_: Task) -> None:
        raise asyncio.CancelledError

    await put(any_toy, "k", kind="gives way")
    runs = await bench(any_toy).work_off()

    assert runs == 2
    assert [failed.reason for failed in await failures(any_toy)] == ["handler_cancelled"]


async def test_a_kind_that_this_version_does_not_know_waits_for_one_that_does_and_then_fails(any_toy: Toy) -> None:
    await put(any_toy, "k", kind="of the future")

    first = await bench(any_toy)._execution(await claimed(any_toy)).run()
    await change(any_toy, "UPDATE tasks SET attempt = 39")
    last = await bench(any_toy)._execution(await claimed(any_toy)).run()

    assert (first, last) == ("retried", "failed")
    assert [failed.reason for failed in await failures(any_toy)] == ["unknown_kind"]


async def test_a_heartbeat_right_after_the_end_does_not_take_it_for_a_loss(any_toy: Toy) -> None:
    bench(any_toy).lease_s = 0.03
    ends: list[str] = []

    @bench(any_toy).does("lingers")
    async def lingers(task: Task) -> None:
        async with task.finish() as unit:
            await note(unit, "done")
        task._finished = False  # as a heartbeat sees it that gets its answer before the handler does
        await asyncio.sleep(0.2)
        ends.append("reached")

    await put(any_toy, "k", kind="lingers")
    execution = bench(any_toy)._execution(await claimed(any_toy))
    execution._task._finished = False
    await execution._run()

    assert ends == ["reached"]
    assert await any_toy.notes(TENANT) == ["done"]
