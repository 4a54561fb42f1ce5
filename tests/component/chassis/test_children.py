"""Code in processes of its own: it answers, it fails, it dies, and nothing of it stays behind."""

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from chassis.child.runner import ChildDied, ChildFailed, KeptChild, KeptChildren, run_in_child
from support import chassis_children as jobs
from support.chassis_play import Hopeless


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def gone(*pids: int) -> bool:
    for _ in range(100):
        if not any(alive(pid) for pid in pids):
            return True
        await asyncio.sleep(0.05)
    return False


async def read_pids(path: Path, count: int) -> list[int]:
    while True:
        found = path.read_text().split() if path.exists() else []  # noqa: ASYNC240 (a test may block for a moment)
        if len(found) == count:
            return [int(pid) for pid in found]
        await asyncio.sleep(0.02)


async def test_a_result_comes_back() -> None:
    assert await run_in_child(jobs.add, 40, 2) == 42


async def test_a_large_argument_and_result_come_through() -> None:
    data = os.urandom(5_000_000)

    assert await run_in_child(jobs.reverse, data) == data[::-1]


async def test_progress_arrives_in_order_and_the_last_word_always() -> None:
    told: list[tuple[float, str]] = []

    async def hear(fraction: float, message: str) -> None:
        told.append((fraction, message))

    await run_in_child(jobs.count_to, 100, on_progress=hear)

    assert told[-1] == (1.0, "100")
    assert len(told) < 10
    assert told == sorted(told)


async def test_an_exception_comes_back_as_itself_with_the_childs_traceback() -> None:
    with pytest.raises(Hopeless, match="no way") as raised:
        await run_in_child(jobs.fail, "no way")

    assert "chassis_children.py" in raised.value.__notes__[0]


async def test_an_exception_that_cannot_travel_comes_back_as_text() -> None:
    with pytest.raises(ChildFailed, match="Unpicklable: cannot travel"):
        await run_in_child(jobs.fail_unpicklably)


async def test_a_killed_child_says_by_which_signal() -> None:
    with pytest.raises(ChildDied, match="SIGKILL") as died:
        await run_in_child(jobs.kill_yourself, int(signal.SIGKILL))

    assert died.value.signal == signal.SIGKILL


async def test_a_child_that_leaves_without_an_answer_says_its_exit_code() -> None:
    with pytest.raises(ChildDied, match="exit code 3"):
        await run_in_child(jobs.leave, 3)


async def test_what_a_library_prints_does_not_disturb_the_answer() -> None:
    assert await run_in_child(jobs.print_a_lot) == "still fine"


async def test_the_environment_is_passed_and_the_temporary_folder_is_removed() -> None:
    value, folder = await run_in_child(jobs.look_around, "OMP_NUM_THREADS", env={"OMP_NUM_THREADS": "1"})

    assert value == "1"
    assert folder.startswith(tempfile.gettempdir())
    assert not os.path.exists(folder)  # noqa: ASYNC240 (a test may block for a moment)


async def test_a_child_starts_with_little() -> None:
    loaded = await run_in_child(jobs.modules)

    assert not loaded & {"asyncio", "sqlalchemy", "pydantic", "faststream", "redis", "logging"}


async def test_cancelling_kills_the_child_and_what_it_started(tmp_path: Path) -> None:
    marks = tmp_path / "pids"
    running = asyncio.create_task(run_in_child(jobs.sleep_with_helper, str(marks)))
    pids = await read_pids(marks, 2)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert await gone(*pids)


async def test_a_helper_left_behind_by_a_finished_child_is_killed(tmp_path: Path) -> None:
    helper = await run_in_child(jobs.leave_a_helper)

    assert await gone(helper)


@pytest.mark.parametrize("busy", [False, True], ids=["sleeping", "holding the interpreter lock"])
async def test_the_death_of_the_service_kills_the_child_and_what_it_started(tmp_path: Path, busy: bool) -> None:
    marks = tmp_path / "pids"
    script = (
        "import asyncio; from chassis.child.runner import run_in_child; from support import chassis_children as jobs; "
        f"asyncio.run(run_in_child(jobs.sleep_with_helper, {str(marks)!r}, {busy}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(jobs.__file__).parents[1])}
    service = await asyncio.create_subprocess_exec(sys.executable, "-c", script, env=environment)
    pids = await read_pids(marks, 2)

    service.kill()
    await service.wait()

    assert await gone(*pids)


async def test_a_function_of_main_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.add, "__module__", "__main__")

    with pytest.raises(ValueError, match="module of its own"):
        await run_in_child(jobs.add, 1, 2)


# --- a child that stays


async def test_a_kept_child_does_call_after_call_and_remembers_what_it_loaded() -> None:
    kept = KeptChild()

    first = await kept(jobs.count_calls)
    second = await kept(jobs.count_calls)
    await kept.close()

    assert (first[1], second[1]) == (1, 2)
    assert first[0] == second[0]
    assert await gone(second[0])


async def test_progress_of_one_call_is_never_heard_by_the_next() -> None:
    kept, first, second = KeptChild(), list[str](), list[str]()

    async def hear_first(_fraction: float, message: str) -> None:
        first.append(message)

    async def hear_second(_fraction: float, message: str) -> None:
        second.append(message)

    await kept(jobs.count_to, 3, on_progress=hear_first)
    await kept(jobs.count_to, 5, on_progress=hear_second)
    await kept.close()

    assert (first[0], first[-1]) == ("0", "3")
    assert (second[0], second[-1]) == ("0", "5")


async def test_a_kept_child_that_failed_or_died_is_replaced() -> None:
    kept = KeptChild()
    pid, _ = await kept(jobs.count_calls)

    with pytest.raises(Hopeless, match="no way"):
        await kept(jobs.fail, "no way")
    after_failure = await kept(jobs.count_calls)
    with pytest.raises(ChildDied, match="SIGKILL"):
        await kept(jobs.kill_yourself, int(signal.SIGKILL))
    os.kill((await kept(jobs.count_calls))[0], signal.SIGKILL)  # while it waits
    await asyncio.sleep(0.2)
    after_death = await kept(jobs.count_calls)
    await kept.close()

    assert after_failure[1] == after_death[1] == 1
    assert await gone(pid, after_failure[0], after_death[0])


async def test_cancelling_a_call_kills_the_kept_child_and_the_next_call_has_another(tmp_path: Path) -> None:
    kept, marks = KeptChild(), tmp_path / "pids"
    running = asyncio.create_task(kept(jobs.sleep_with_helper, str(marks)))
    pids = await read_pids(marks, 2)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    result = await kept(jobs.add, 40, 2)
    await kept.close()

    assert result == 42
    assert await gone(*pids)


async def test_a_kept_child_that_nobody_calls_for_a_while_gives_its_memory_back() -> None:
    kept = KeptChild(idle_s=0.1)

    first = await kept(jobs.count_calls)
    went = await gone(first[0])
    after = await kept(jobs.count_calls)
    await kept.close()

    assert went
    assert (first[1], after[1]) == (1, 1)
    assert await gone(after[0])


async def test_calls_of_a_kept_child_wait_for_each_other() -> None:
    kept = KeptChild()

    results = await asyncio.gather(*(kept(jobs.count_calls) for _ in range(3)))
    await kept.close()

    assert [count for _, count in results] == [1, 2, 3]


async def test_the_death_of_the_service_kills_a_kept_child_that_waits(tmp_path: Path) -> None:
    script = (
        "import asyncio; from chassis.child.runner import KeptChild; from support import chassis_children as jobs\n"
        "async def wait():\n"
        "    print((await KeptChild()(jobs.count_calls))[0], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(wait())"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(jobs.__file__).parents[1])}
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert service.stdout is not None
    pid = int(await service.stdout.readline())

    service.kill()
    await service.wait()

    assert await gone(pid)


async def test_only_what_is_worth_it_is_done_in_children_that_stay() -> None:
    children = KeptChildren(jobs.count_calls)

    together = await asyncio.gather(*(children(jobs.count_calls) for _ in range(2)))
    again = await children(jobs.count_calls)
    other = await children(jobs.add, 40, 2)
    await children.close()

    assert len({pid for pid, _ in together}) == 2
    assert again[1] == 2
    assert other == 42
    assert await gone(*(pid for pid, _ in together))
