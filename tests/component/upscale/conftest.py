"""A service that lends chunks, and the door runners come to."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from chassis.testing import Harness, harness
from support.upscale_lending import LENT, a_film, build_here
from upscale.settings import Settings


@pytest.fixture
async def service(postgres_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with harness(
        "upscale", build_here, settings=Settings, admin_url=postgres_url, cache_dir=tmp_path / "cache",
        chunk_megapixels=0.0001, models_dir=tmp_path / "models", **LENT,
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
async def client(service: Harness) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(service.service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://upscale") as opened:
        yield opened


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return a_film(tmp_path)
