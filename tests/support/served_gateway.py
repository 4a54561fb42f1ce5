"""A gateway that really serves: for clients which cannot be handed an application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from support.gateway_rig import Gateway, a_gateway

__all__ = ["served_gateway", "serving"]


@asynccontextmanager
async def served_gateway(postgres_url: str, **settings: Any) -> AsyncIterator[tuple[Gateway, str]]:
    """A gateway, and where it answers."""
    async with a_gateway(postgres_url, **settings) as gateway, serving(gateway) as url:
        yield gateway, url


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[str]:
    """Let a gateway answer on a port of this machine; where."""
    server = uvicorn.Server(uvicorn.Config(gateway.app, port=0, lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
