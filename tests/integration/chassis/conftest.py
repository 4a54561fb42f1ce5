"""The toy service, fresh for each test."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from support.chassis_running import Toy, a_toy


@pytest.fixture
def toy_redis_url(redis_url: str) -> str:
    """A database of its own inside the Redis of the test run, which each test empties."""
    return urlunsplit(urlsplit(redis_url)._replace(path="/5"))


@pytest.fixture
async def toy(postgres_url: str, toy_redis_url: str, tmp_path: Path) -> AsyncIterator[Toy]:
    async with a_toy(postgres_url, toy_redis_url, tmp_path) as toy:
        yield toy
