"""`matchcut process` is killed in the middle of a large upload, and called again: it goes on where it was."""

import asyncio
import hashlib
import os
import random
import re
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from gateway.domain.access import Role
from matchcut.client import Credentials, Matchcut
from matchcut.client.unfinished import Unfinished
from support.bucket import a_bucket
from support.bucket_edge import BucketEdge, a_bucket_edge
from support.chaos_proxy import Link
from support.cutting_proxy import CuttingProxy
from support.gateway_rig import Gateway
from support.killable_gateway import EMAIL, PASSWORD, GatewayProcess, a_gateway_process
from support.served_gateway import served_gateway

MB = 1 << 20
_OFFSET = re.compile(rb"PATCH /v1/uploads/tus/.*?upload-offset: (\d+)", re.DOTALL | re.IGNORECASE)


class Listening(CuttingProxy):
    """Writes down which uploads are made and from where they go on, and shuts when a pattern passes."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.made = 0
        self.offsets: list[int] = []
        self.shuts_at: bytes | None = None
        self.shut_once = asyncio.Event()

    @override
    def lets_through(self, link: Link, piece: bytes, *, asked: bool) -> bool:
        if asked:
            self.made += b"POST /v1/uploads/tus " in piece
            self.offsets += [int(match[1]) for match in _OFFSET.finditer(piece)]
            if self.shuts_at is not None and self.shuts_at in piece:
                self.shuts_at = None
                asyncio.get_running_loop().call_soon(self.shut)
                self.shut_once.set()
                return False
        return super().lets_through(link, piece, asked=asked)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    path.write_bytes(random.Random(9).randbytes(12 * MB))
    return path


@pytest.fixture(scope="module")
def gateway(postgres_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with a_gateway_process(postgres_url, redis_url, tmp_path_factory.mktemp("blobs")) as running:
        yield running


@pytest.fixture(scope="module")
def edge() -> Iterator[BucketEdge]:
    with a_bucket_edge() as edge:
        yield edge


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where `matchcut` remembers what it could not finish."""
    return tmp_path / "state" / "matchcut" / "uploads"


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def notes_in(folder: Path) -> list[Path]:
    return list(folder.glob("*.json")) if folder.is_dir() else []


@asynccontextmanager
async def processing(film: Path, url: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, in a process of its own that is killed in the end."""
    environ = {
        **{"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")},
        **{"MATCHCUT_URL": url, "MATCHCUT_USER": EMAIL, "MATCHCUT_PASSWORD": PASSWORD},
    }
    asked = ["process", str(film), "--steps", "scenes", "--out", str(folder / "out")]
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "matchcut.main", *asked), env=environ, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield run
    finally:
        if run.returncode is None:
            run.kill()
        await run.wait()


async def submitted(client: Matchcut, run: asyncio.subprocess.Process) -> str | None:
    """The checksum of the one video there is, once it and its job are there."""
    async with asyncio.timeout(60):
        while True:
            jobs = await asyncio.to_thread(lambda: list(client.jobs()))
            if jobs:
                [video] = await asyncio.to_thread(lambda: list(client.videos()))
                return video.sha256
            assert run.returncode is None, "it ended by itself"
            await asyncio.sleep(0.05)


async def test_a_killed_upload_in_pieces_is_gone_on_with_by_the_next_call(
    gateway: GatewayProcess, film: Path, notes: Path, tmp_path: Path
) -> None:
    whole = content_of(film)
    async with Listening(gateway.url) as proxy:
        proxy.shuts_at = whole[7 * MB : 7 * MB + 32]
        async with processing(film, proxy.url, tmp_path) as first, asyncio.timeout(60):
            await proxy.shut_once.wait()
            first.kill()
        remembered = [path.stat().st_mode & 0o777 for path in notes_in(notes)]
        proxy.reopen()
        with Matchcut(gateway.url, Credentials(EMAIL, PASSWORD)) as client:
            async with processing(film, proxy.url, tmp_path) as second:
                sha256 = await submitted(client, second)

    assert sha256 == hashlib.sha256(whole).hexdigest()
    assert (proxy.made, proxy.offsets[0]) == (1, 0)
    assert 0 < proxy.offsets[-1] <= 7 * MB
    assert remembered == [0o600], "an address to send to may be a secret"
    assert notes_in(notes) == []


async def test_a_killed_upload_to_the_bucket_is_gone_on_with_by_the_next_call(
    edge: BucketEdge, film: Path, notes: Path, postgres_url: str, tmp_path: Path
) -> None:
    edge.breaks, edge.holds = [5 * MB], threading.Event()
    async with served_gateway(postgres_url, blobs_url=a_bucket()) as (running, url):
        await running.user(await running.tenant("studio"), Role.OWNER, EMAIL)
        async with processing(film, url, tmp_path) as first, asyncio.timeout(60):
            while not edge.puts:  # noqa: ASYNC110 (it is another thread)
                await asyncio.sleep(0.02)
            first.kill()
            await first.wait()
        edge.holds.set()
        with Matchcut(url, Credentials(EMAIL, PASSWORD)) as client:
            async with processing(film, url, tmp_path) as second:
                working = asyncio.create_task(work(running))
                sha256 = await submitted(client, second)
                working.cancel()

    whole = 12 * MB
    assert sha256 == hashlib.sha256(content_of(film)).hexdigest()
    asked = [said for said, _ in edge.puts]
    assert (asked[0], asked[1]) == (f"bytes 0-{whole - 1}/{whole}", f"bytes */{whole}")
    assert asked[2] == f"bytes {5 * MB}-{whole - 1}/{whole}"
    assert len(edge.sessions) == 1
    assert notes_in(notes) == []


async def test_a_note_that_leads_nowhere_is_no_hindrance(gateway: GatewayProcess, film: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    nowhere = {"place": "/v1/uploads/tus/019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"}
    for said in (nowhere, {"upload": {"id": "no id"}}, {"place": 5}):
        with Matchcut(gateway.url, Credentials(EMAIL, PASSWORD), unfinished=notes) as client:
            Unfinished(notes).of(film, url=gateway.url, who=EMAIL).write(**said)

            upload = await asyncio.to_thread(client.upload, film)

            assert upload.sha256 == hashlib.sha256(content_of(film)).hexdigest()
    assert notes_in(notes) == []


async def work(running: Gateway) -> None:
    """What the service does beside answering."""
    while True:
        await running.harness.work_off()
        await asyncio.sleep(0.02)
