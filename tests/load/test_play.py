"""The load test itself works: every kind of request is made and answered, and both applications are compared."""

from pathlib import Path

import pytest

from support.load_house import a_house
from support.load_play import mix, ratios

pytestmark = pytest.mark.servers


def test_a_short_load_has_no_failures_and_something_to_compare_with(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    with a_house(postgres_url, redis_url, tmp_path, tenants=2, videos=5) as house:
        mixed = mix(house, tmp_path, seconds=3, rate=40, users=10)
        found = ratios(house, rounds=1, seconds=0.5, connections=2)

    assert (mixed.failed, mixed.failures) == (0, [])
    assert {"reads", "read: a video", "read: a job"} <= set(mixed.rows)
    assert all(count > 0 and p50 <= p99 for count, p50, p99 in mixed.rows.values())
    assert all(mb > 0 for mb in mixed.memory_mb)
    assert {side.what for side in found} == {"a video", "a page of 50 videos"}
    assert all(side.ratio > 0 and side.cpu_ratio > 0 for side in found)
