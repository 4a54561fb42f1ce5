"""One setting means the same in every service."""

import importlib

import pytest

from contracts.registry import SERVICES


@pytest.mark.parametrize("name", SERVICES)
async def test_every_service_heeds_how_much_an_operator_allows_it(name: str) -> None:
    settings = importlib.import_module(f"{name}.settings").Settings(
        database_url=f"postgresql://{name}:secret@localhost/matchcut",
        redis_url="redis://localhost",
        blobs_url="file:///nowhere",
        http_port=0,
        secret="what the gateway seals with",
        workers=3,
        lease_s=7,
        tenant_cap=2,
    )

    service = importlib.import_module(f"{name}.main").build(settings)
    await service.close()

    assert (service.work.workers, service.work.lease_s, service.work._tenant_cap) == (3, 7, 2)
