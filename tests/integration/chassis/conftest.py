"""The toy service, fresh for each test: on the Redis of the test run, or on each kind there is, near or far."""

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from support.chassis_running import Toy, a_toy
from support.cutting_proxy import CuttingProxy, cutting_proxy
from support.redis_variants import Server, Variant, a_server, variants


@pytest.fixture
def toy_redis_url(redis_url: str) -> str:
    """A database of its own inside the Redis of the test run, which each test empties."""
    return urlunsplit(urlsplit(redis_url)._replace(path="/5"))


@pytest.fixture
async def any_toy(postgres_url: str, toy_redis_url: str, tmp_path: Path) -> AsyncIterator[Toy]:
    """For promises that have nothing to do with the kind of Redis."""
    async with a_toy(postgres_url, toy_redis_url, tmp_path) as toy:
        yield toy


@pytest.fixture
def toy(any_toy: Toy) -> Toy:
    return any_toy


@pytest.fixture(scope="session", params=variants(), ids=lambda variant: variant.name)
def variant(request: pytest.FixtureRequest) -> Variant:
    chosen: Variant = request.param
    return chosen


@pytest.fixture(scope="session")
def server(variant: Variant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Redis that a test may stop, flush and freeze."""
    with a_server(variant, tmp_path_factory.mktemp(variant.name)) as server:
        yield server


@pytest.fixture
async def each_toy(postgres_url: str, server: Server, tmp_path: Path) -> AsyncIterator[Toy]:
    async with a_toy(postgres_url, server.database(5), tmp_path) as toy:
        yield toy


@pytest.fixture
async def redis_proxy(server: Server) -> AsyncIterator[CuttingProxy]:
    async with cutting_proxy(server.database(5)) as proxy:
        yield proxy


@pytest.fixture
async def far_toy(postgres_url: str, server: Server, redis_proxy: CuttingProxy, tmp_path: Path) -> AsyncIterator[Toy]:
    """A toy that reaches Redis through the proxy; the test itself looks directly."""
    async with a_toy(postgres_url, server.database(5), tmp_path, through=redis_proxy.url) as toy:
        yield toy


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
