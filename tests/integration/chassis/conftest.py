"""The toy service, fresh for each test."""

import socket
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


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
