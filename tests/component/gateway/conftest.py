"""A gateway for each test."""

from collections.abc import AsyncIterator

import pytest

from support.gateway_rig import Gateway, a_gateway


@pytest.fixture
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    """A gateway with nobody in it, and small limits."""
    async with a_gateway(postgres_url, max_upload_bytes=1_000_000, max_script_bytes=10_000, max_body_bytes=50_000) as g:
        yield g
