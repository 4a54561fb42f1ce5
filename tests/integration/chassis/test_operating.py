"""What an operator asks at night, and may do: dead letters and long tasks, from inside and by the command line."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.bus import DeadLetter, LetterFilter
from chassis.bus._names import dead_letters
from chassis.work import TaskFilter
from support.chassis_running import Toy, until
from support.chassis_toy import OTHER_TENANT, TENANT, Poked

STREAM = Poked.stream
JOB = UUID("01890000-0000-7000-8000-00000000000a")


async def bury(toy: Toy, count: int, *, reason: str = "broken", tenant: UUID = TENANT, ago_s: int = 0) -> None:
    """Dead letters as the bus leaves them, ``ago_s`` old."""
    now = int((datetime.now(UTC) - timedelta(seconds=ago_s)).timestamp() * 1000)
    async with toy.redis.pipeline(transaction=False) as pipeline:
        for n in range(count):
            body = {"id": str(uuid4()), "tenantid": str(tenant), "jobid": str(JOB), "data": {"note": "x" * 1000}}
            fields = {
                "__data__": json.dumps(body),
                "reason": reason,
                "detail": "why",
                "attempt": "8",
                "first_id": "0-1",
            }
            pipeline.xadd(dead_letters(STREAM, "toy"), fields, id=f"{now}-{n + 1}" if ago_s else "*")
        await pipeline.execute()


async def letters(toy: Toy, asked: LetterFilter = LetterFilter()) -> list[DeadLetter]:  # noqa: B008 (frozen)
    return [letter async for letter in toy.service.bus.dead_letters().list(asked)]


async def command(toy: Toy, *words: str) -> tuple[int, str]:
    process = await toy.process(*words)
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def answer(toy: Toy, *words: str) -> Any:
    code, out = await command(toy, *words, "--json")
    assert code == 0, out
    return json.loads(out)


async def test_letters_are_found_by_what_they_say(toy: Toy) -> None:
    await bury(toy, 3, reason="old", ago_s=7200)
    await bury(toy, 2, reason="hopeless", tenant=OTHER_TENANT, ago_s=600)
    await bury(toy, 1)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    [newest] = await letters(toy, LetterFilter(reason="broken"))

    assert len(await letters(toy)) == 6
    assert len(await letters(toy, LetterFilter(streams=(STREAM,), reason="old"))) == 3
    assert len(await letters(toy, LetterFilter(tenant_id=str(OTHER_TENANT)))) == 2
    assert len(await letters(toy, LetterFilter(job_id=str(JOB)))) == 6
    assert len(await letters(toy, LetterFilter(died_before=hour_ago))) == 3
    assert len(await letters(toy, LetterFilter(died_after=hour_ago))) == 3
    assert await letters(toy, LetterFilter(event_id=newest.event_id)) == [newest]
    with pytest.raises(ValueError, match="toy does not hear nothing"):
        await letters(toy, LetterFilter(streams=("nothing.v1",)))


async def test_many_letters_are_read_a_few_at_a_time(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    await bury(toy, 1050)
    sizes: list[int] = []
    asked = toy.service.bus.redis.xrange

    async def counted(*words: Any, **more: Any) -> Sequence[Any]:
        found: Sequence[Any] = await asked(*words, **more)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(toy.service.bus.redis, "xrange", counted)
    found = await letters(toy)

    assert len({letter.id for letter in found}) == 1050
    assert max(sizes) <= 100


async def test_what_dies_again_while_all_are_replayed_is_not_replayed_for_ever(toy: Toy) -> None:
    await bury(toy, 250)
    desk = toy.service.bus.dead_letters()
    replayed = 0

    async with asyncio.timeout(60):
        async for letter in desk.list():
            replayed += await desk.replay(letter.id)
            await bury(toy, 1, reason="again")

    assert replayed == 250
    assert {letter.reason for letter in await letters(toy)} == {"again"}


async def test_the_command_line_narrows_tries_dry_and_drops(toy: Toy) -> None:
    await bury(toy, 130, reason="old", ago_s=7200)
    await bury(toy, 2)

    listed = await answer(toy, "dlq", "list", "--limit", "5")
    dry = await answer(toy, "dlq", "drop", "--older-than", "1h", "--dry-run")
    kept = len(await letters(toy))
    dropped = await answer(toy, "dlq", "drop", "--older-than", "1h")
    left = await letters(toy)
    unnamed, _ = await command(toy, "dlq", "drop")
    unknown, _ = await command(toy, "dlq", "drop", f"{STREAM}/1-1", left[0].id)

    assert (len(listed["letters"]), listed["total"], listed["more"]) == (5, 132, True)
    assert "traceback" not in listed["letters"][0]
    assert (dry["done"], len(dry["ids"]), dry["dry_run"], kept) == (130, 100, True, 132)
    assert (dropped["done"], {letter.reason for letter in left}) == (130, {"broken"})
    assert (unnamed, unknown) == (2, 1)
    assert [letter.id for letter in await letters(toy)] == [left[1].id], "what was there is dropped all the same"


async def test_tasks_are_listed_by_what_they_are_and_page_by_page(toy: Toy) -> None:
    assert toy.service.work is not None
    desk = toy.service.work.desk()
    for n in range(5):
        await toy.enqueue(f"mine-{n}", job_id=JOB)
    await toy.enqueue("theirs", tenant_id=OTHER_TENANT)

    async def keys(asked: TaskFilter) -> list[str]:
        found: list[str] = []
        after = None
        while page := await desk.page(asked, after=after, limit=2):
            found += [line.key for line in page]
            after = page[-1].id
        return found

    assert await keys(TaskFilter()) == [*(f"mine-{n}" for n in range(5)), "theirs"]
    assert await keys(TaskFilter(tenant_id=OTHER_TENANT)) == ["theirs"]
    assert await keys(TaskFilter(key="mine-*", job_id=JOB)) == [f"mine-{n}" for n in range(5)]
    assert await keys(TaskFilter(key="mine-3")) == ["mine-3"]
    assert await keys(TaskFilter(key="mine%*")) == [], "only the star is special"
    assert await keys(TaskFilter(states=("running",))) == []
    assert await keys(TaskFilter(older_than_s=3600)) == []
    assert await keys(TaskFilter(silent_for_s=0)) == [], "what waits is not silent"
    assert await desk.count(TaskFilter(kind="act")) == {"queued": 6}


async def test_a_task_that_is_called_off_tells_those_who_wait_that_it_failed(toy: Toy) -> None:
    await toy.enqueue("queued", job_id=JOB)
    task = await toy.task("queued")

    told = await answer(toy, "work", "cancel", str(task.id), "--why", "a test")
    again, _ = await command(toy, "work", "cancel", str(task.id))

    [said] = await toy.announced("step.failed.v1")
    assert told["done"] == 1
    assert again == 1
    assert (await toy.task("queued")).state == "cancelled"
    event = json.loads(said)
    assert (event["data"]["reason"], event["data"]["detail"]) == ("cancelled_by_operator", "a test")
    assert (event["jobid"], event["data"]["run"]) == (str(JOB), 1)


async def test_a_running_task_that_is_called_off_stops_and_writes_nothing_more(toy: Toy) -> None:
    async with toy.running():
        await toy.enqueue("long", payload={"seconds": 60})
        await until(lambda: in_state(toy, "long", "running"))

        told = await answer(toy, "work", "cancel", "--key", "long")
        await toy.enqueue("next")
        await until(lambda: in_state(toy, "next", "done"), timeout_s=20)

    assert told["done"] == 1
    assert (await toy.task("long")).state == "cancelled"
    assert await toy.notes() == ["next: played at attempt 1"]
    assert len(await toy.announced("step.failed.v1")) == 1


async def test_a_failed_task_is_done_again_with_all_its_tries(toy: Toy) -> None:
    async with toy.running():
        await toy.enqueue("bad", payload={"hopeless": True})
        await until(lambda: in_state(toy, "bad", "failed"))
        before = await toy.task("bad")

        told = await answer(toy, "work", "requeue", "--state", "failed")
        await until(lambda: in_state(toy, "bad", "failed", beyond=before.token))

    after = await toy.task("bad")
    assert told["done"] == 1
    assert after.attempt == 1
    assert len(await toy.announced("step.failed.v1")) == 2


async def test_a_task_that_hangs_is_taken_from_its_worker_and_done_once(toy: Toy) -> None:
    async with toy.running():
        await toy.enqueue("hung", payload={"seconds": 60})
        await until(lambda: in_state(toy, "hung", "running"))
        first = await toy.task("hung")

        told = await answer(toy, "work", "requeue", str(first.id))
        await until(lambda: in_state(toy, "hung", "running", beyond=first.token))
        second = await answer(toy, "work", "cancel", str(first.id))
        await until(lambda: in_state(toy, "hung", "cancelled"))

    assert (told["done"], second["done"]) == (1, 1)
    assert await toy.notes() == []


async def test_two_operators_at_once_call_a_task_off_once(toy: Toy) -> None:
    assert toy.service.work is not None
    desk = toy.service.work.desk()
    await toy.enqueue("one")
    task = await toy.task("one")

    done = await asyncio.gather(*(desk.cancel(task.id) for _ in range(6)))

    assert sorted(done) == [False] * 5 + [True]
    assert len(await toy.announced("step.failed.v1")) == 1


async def test_what_its_owner_called_off_is_not_queued_again(toy: Toy) -> None:
    await toy.enqueue("gone", job_id=JOB)
    async with toy.service.database.begin(TENANT) as work:
        await work.cancel_tasks(job_id=JOB)
    task = await toy.task("gone")

    code, out = await command(toy, "work", "requeue", str(task.id), "--json")

    assert code == 1
    assert json.loads(out)["missing"] == [f"{task.id}: it is cancelled, so it cannot be queued again"]
    assert (await toy.task("gone")).state == "cancelled"


async def test_the_list_for_people_has_a_heading_and_an_age(toy: Toy) -> None:
    await toy.enqueue("one")

    code, out = await command(toy, "work", "list")
    wrong, _ = await command(toy, "work", "cancel")
    nonsense, _ = await command(toy, "work", "list", "--older-than", "soon")

    heading, row = out.splitlines()
    assert (code, wrong, nonsense) == (0, 2, 2)
    assert heading.split()[:4] == ["ID", "STATE", "KIND", "AGE"]
    assert row.split()[1:3] == ["queued", "act"]


async def in_state(toy: Toy, key: str, state: str, *, beyond: int = -1) -> bool:
    task = await toy.task(key)
    return bool(task.state == state and task.token > beyond)
