"""What the gateway is measured against: FastAPI and nothing else, answering the same query on the same PostgreSQL.

No tenants, no sign-in, no tags, no traces, no problems: one SELECT by primary key, and one of a page of fifty.
``DATABASE_URL`` says where; ``PORT`` where to listen. Run by ``support.load_play``.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.adapters.postgres.tables import videos

engine = create_async_engine(
    os.environ["DATABASE_URL"],
    pool_size=5,
    max_overflow=5,
    connect_args={"server_settings": {"search_path": "gateway, public"}},
)


class Video(BaseModel):
    """The fields the gateway shows."""

    id: UUID
    state: str
    title: str
    filename: str
    size_bytes: int
    sha256: str
    media: dict[str, Any] | None
    rejection: dict[str, Any] | None
    passthrough: str | None
    created_at: datetime


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/v1/videos/{video_id}")
async def read_video(video_id: UUID) -> Video:
    async with engine.connect() as connection:
        row = (await connection.execute(select(videos).where(videos.c.id == video_id))).mappings().one_or_none()
    if row is None:
        raise HTTPException(404)
    return Video.model_validate(row)


@app.get("/v1/videos")
async def list_videos(limit: int = 50) -> list[Video]:
    async with engine.connect() as connection:
        rows = await connection.execute(select(videos).order_by(videos.c.id.desc()).limit(limit))
        return [Video.model_validate(row) for row in rows.mappings()]


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        log_level="warning",
        access_log=False,
        http="h11",
        loop="asyncio",
    )
