"""Long work on each kind of Redis there is, on servers of its own that a test may hurt."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from matchcut.servers.postgres import Postgres
from support.chassis_running import Toy, a_toy
from support.cutting_proxy import CuttingProxy, cutting_proxy
from support.redis_variants import Server, Variant, a_server, variants


@pytest.fixture(scope="session", params=variants(), ids=lambda variant: variant.name)
def variant(request: pytest.FixtureRequest) -> Variant:
    chosen: Variant = request.param
    return chosen


@pytest.fixture(scope="session")
def server(variant: Variant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with a_server(variant, tmp_path_factory.mktemp(variant.name)) as server:
        yield server


@pytest.fixture
async def toy(postgres_url: str, server: Server, tmp_path: Path) -> AsyncIterator[Toy]:
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
async def any_toy(postgres_url: str, toy_redis_url: str, tmp_path: Path) -> AsyncIterator[Toy]:
    """A toy on whichever Redis the test run has, for promises that Redis has no part in."""
    async with a_toy(postgres_url, toy_redis_url, tmp_path) as toy:
        yield toy


@pytest.fixture(scope="session")
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL that a test may stop, freeze and kill."""
    postgres = Postgres(tmp_path_factory.mktemp("own-postgres"), password="to-be-hurt", durable=False)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()
        postgres.delete()
