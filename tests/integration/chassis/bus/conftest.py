"""Every test here runs on each kind of Redis there is, on a server of its own that it may hurt."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

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
async def proxy(server: Server) -> AsyncIterator[CuttingProxy]:
    async with cutting_proxy(server.database(5)) as proxy:
        yield proxy


@pytest.fixture
async def far_toy(postgres_url: str, server: Server, proxy: CuttingProxy, tmp_path: Path) -> AsyncIterator[Toy]:
    """A toy that reaches Redis through the proxy; the test itself looks directly."""
    async with a_toy(postgres_url, server.database(5), tmp_path, through=proxy.url) as toy:
        yield toy
