"""A gateway as an operator runs it, with a library in it, and the bare application beside it."""

import asyncio
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil

from chassis.blobs import blobs_at
from chassis.database import Database
from chassis.testing import drop_database, fresh_database, service_url
from contracts import uuid7
from contracts.documents import Transcript, Word
from contracts.steps import Step
from gateway.adapters.passwords import Argon2Passwords
from gateway.adapters.postgres import PostgresRecords
from gateway.domain.access import Role
from gateway.domain.findings import Finding
from gateway.domain.jobs import Job
from gateway.domain.library import Video
from gateway.domain.progress import StepStatus
from gateway.ports import User
from matchcut.servers.ports import free_port
from support.gateway_rig import PASSWORD

__all__ = ["House", "a_house", "cpu_s"]

TESTS = Path(__file__).resolve().parents[1]
WORDS = 1_000
"""Of each transcript: about seven minutes of speech."""


@dataclass
class House:
    """Where the two answer, and what is in them."""

    gateway_url: str
    bare_url: str
    gateway_pid: int
    bare_pid: int
    tenants: list[dict[str, Any]] = field(default_factory=list)

    def memory_mb(self) -> float:
        """Resident memory of the gateway."""
        return float(psutil.Process(self.gateway_pid).memory_info().rss / 1e6)


def cpu_s(pid: int) -> float:
    """Seconds of a core a process has used."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


@contextmanager
def a_house(postgres_url: str, redis_url: str, folder: Path, *, tenants: int, videos: int) -> Iterator[House]:
    """Both applications on one database, with so many videos for each tenant, each with a job that is done."""
    name = asyncio.run(fresh_database("gateway", postgres_url))
    database_url = service_url("gateway", postgres_url, name)
    blobs_url = f"file://{folder}/blobs"
    ports = free_port(), free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "GATEWAY_DATABASE_URL": database_url,
        "GATEWAY_REDIS_URL": redis_url,
        "GATEWAY_BLOBS_URL": blobs_url,
        "GATEWAY_HTTP_PORT": str(ports[0]),
        "GATEWAY_SECRET": "a secret of the load test",
        "GATEWAY_GRACE_S": "2",
        # All of it comes from one address; each request is counted as ever, and none is turned away.
        **{f"GATEWAY_RATE_{what}": "1000000000" for what in ("READS", "WRITES", "UPLOADS", "SIGN_IN")},
    }
    bare = {
        "PATH": os.environ["PATH"],
        "PORT": str(ports[1]),
        # The bare application knows no walls: it comes as the superuser, whom they let through.
        "DATABASE_URL": postgres_url.rpartition("/")[0].replace("postgresql://", "postgresql+asyncpg://") + f"/{name}",
    }
    try:
        made = asyncio.run(_fill(database_url, blobs_url, tenants, videos))
        with (
            _running([sys.executable, "-m", "gateway.main", "serve"], environ) as gateway,
            _running([sys.executable, str(TESTS / "load" / "bare_app.py")], bare) as other,
        ):
            house = House(f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", gateway.pid, other.pid)
            _wait(f"{house.gateway_url}/readyz")
            _wait(f"{house.bare_url}/v1/videos?limit=1")
            for tenant in made:
                house.tenants.append(tenant | {"tokens": _tokens(house.gateway_url, tenant["email"])})
            yield house
    finally:
        asyncio.run(drop_database(postgres_url, name))


@contextmanager
def _running(command: list[str], environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=environ)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _tokens(url: str, email: str) -> list[str]:
    """An access token, as people have them, and an API key, as programs do."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        form = {"grant_type": "password", "username": email, "password": PASSWORD}
        token = client.post("/v1/auth/token", data=form).raise_for_status().json()["access_token"]
        scopes = [
            *("me:read", "videos:read", "jobs:read", "jobs:write", "results:read", "uploads:write", "uploads:read"),
        ]
        body = {"name": "render farm", "scopes": scopes}
        made = client.post("/v1/api-keys", json=body, headers={"Authorization": f"Bearer {token}"})
        return [token, made.raise_for_status().json()["secret"]]


async def _fill(database_url: str, blobs_url: str, tenants: int, videos: int) -> list[dict[str, Any]]:
    database, blobs = Database(database_url, service="gateway"), blobs_at(blobs_url)
    password_hash = await Argon2Passwords().hash(PASSWORD)
    await blobs.put_bytes("derived/load/transcript.json", _transcript())
    made = []
    for number in range(tenants):
        tenant_id, email = uuid7(), f"owner-{number}@example.org"
        ids: list[tuple[UUID, UUID]] = []
        async with database.begin(tenant_id) as work:
            records = PostgresRecords(work.connection)
            await records.people.add_tenant(tenant_id, f"studio {number}")
            await records.people.add_user(User(uuid7(), tenant_id, email, password_hash, Role.OWNER))
            for _ in range(videos):
                ids.append(await _add_video(records))
        made.append({"email": email, "videos": [str(v) for v, _ in ids], "jobs": [str(j) for _, j in ids]})
    await database.close()
    return made


async def _add_video(records: PostgresRecords) -> tuple[UUID, UUID]:
    now = datetime.now(UTC)
    measures = {
        "duration": 420.0, "width": 1920, "height": 1080, "frame_rate": "25/1", "frames": 10_500,
        "variable_frame_rate": False, "has_audio": True,
    }  # fmt: skip
    keys = {"original": "original/load", "media": "derived/load/media.json"}
    video = Video(
        uuid7(), None, "Scene 12, take 3", "clip.mp4", "ab" * 32, 52_428_800, now, "ready", None, keys, measures
    )
    await records.videos.add(video)
    steps = {
        step: StepStatus(step, state="succeeded", fraction=1.0, engine="some engine 1.0", seconds=12.5)
        for step in (Step.INGEST, Step.SCENES, Step.TRANSCRIPT)
    }
    job = Job(uuid7(), video.id, None, steps, now, passthrough="order-4711", finished_at=now)
    await records.jobs.add(job)
    await records.findings.add(
        Finding(
            uuid7(), "transcript", job.id, video.id, None, 1, "whisper", "ab" * 32, 12.5,
            "derived/load/transcript.json", now, {"language": "en", "word_count": WORDS},
        )
    )  # fmt: skip
    return video.id, job.id


def _transcript() -> bytes:
    words = tuple(Word(text="harbour", start=at * 0.4, end=at * 0.4 + 0.3, probability=0.9) for at in range(WORDS))
    document = Transcript(language="en", duration=WORDS * 0.4, words=words, segments=(), engine="whisper")
    return document.model_dump_json().encode()
