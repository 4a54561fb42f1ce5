"""Six services, real servers, half a minute of faults: what was accepted is done, once, and nothing is left over."""

from pathlib import Path

import pytest

from support.chaos_monkey import schedule
from support.chaos_run import Options, run_chaos

SEED = 614
"""Its first faults are of many kinds: SIGKILL, SIGSTOP, both servers killed, a flush, cut lines."""


@pytest.mark.timeout(900)
async def test_nothing_accepted_is_lost_or_done_twice_while_services_and_servers_die(tmp_path: Path) -> None:
    options = Options(seed=SEED, jobs=80, most_unfinished=40, least_faults=6)

    report = await run_chaos(options, tmp_path)

    assert report.holds, report.as_text()
    assert sum(report.faults.values()) >= 6
    assert len(report.faults) >= 4, "of too few kinds"
    assert report.numbers["jobs accepted"] >= 80


def test_a_seed_decides_the_faults() -> None:
    first, again, other = (schedule(seed, lease_s=3, replicas=2) for seed in (7, 7, 8))

    assert [next(first) for _ in range(60)] == [next(again) for _ in range(60)]
    assert next(first) != next(other)
