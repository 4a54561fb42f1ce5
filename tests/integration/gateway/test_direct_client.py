"""The Python client sends large films straight to the bucket, where there is one."""

import asyncio
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.access import Role
from matchcut.client import Credentials, Matchcut, TransferBroken, Unreachable
from support.bucket import a_bucket
from support.bucket_edge import BucketEdge, a_bucket_edge
from support.gateway_rig import PASSWORD, Gateway
from support.served_gateway import served_gateway

MB = 1 << 20


@pytest.fixture(scope="module")
def edge() -> Iterator[BucketEdge]:
    with a_bucket_edge() as edge:
        yield edge


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    path.write_bytes(random.Random(5).randbytes(9 * MB + 17))
    return path


def digest_of(film: Path) -> str:
    return hashlib.sha256(film.read_bytes()).hexdigest()


async def credentials(gateway: Gateway) -> Credentials:
    tenant_id = await gateway.tenant("studio")
    await gateway.user(tenant_id, Role.OWNER, "anna@example.org")
    return Credentials("anna@example.org", PASSWORD)


async def test_a_large_film_goes_straight_to_the_bucket_through_broken_connections(
    edge: BucketEdge, film: Path, postgres_url: str
) -> None:
    edge.breaks = [3 * MB + 5, 0, 2 * MB]
    told: list[int] = []
    async with served_gateway(postgres_url, blobs_url=a_bucket()) as (gateway, url):
        with Matchcut(url, await credentials(gateway)) as client:
            sending = asyncio.create_task(
                asyncio.to_thread(client.upload, film, on_bytes=lambda sent, _: told.append(sent))
            )
            while not sending.done():
                await gateway.harness.work_off()
                await asyncio.sleep(0.02)
            upload = sending.result()
            video = await asyncio.to_thread(client.create_video, upload.id)

    assert (video.state, video.sha256) == ("ingesting", digest_of(film))
    pieces = [(said, came) for said, came in edge.puts if "*" not in said]
    whole = 9 * MB + 17
    assert [said for said, _ in pieces] == [
        f"bytes {start}-{whole - 1}/{whole}" for start in (0, 3 * MB, 3 * MB, 5 * MB)
    ]
    assert told[-1] == whole
    assert not [headers for headers in edge.told if "Authorization" in headers]


async def test_a_bucket_that_takes_no_more_is_said_so(edge: BucketEdge, film: Path, postgres_url: str) -> None:
    edge.sessions.clear()
    async with served_gateway(postgres_url, blobs_url=a_bucket()) as (gateway, url):
        with Matchcut(url, await credentials(gateway), patience_s=1) as client:

            def cancel(sent: int, _: int | None) -> None:
                edge.sessions.clear()

            with pytest.raises((TransferBroken, Unreachable), match="404"):
                await asyncio.to_thread(client.upload, film, on_bytes=cancel)


async def test_without_a_bucket_it_goes_in_pieces(film: Path, postgres_url: str) -> None:
    async with served_gateway(postgres_url) as (gateway, url):
        with Matchcut(url, await credentials(gateway)) as client:
            sending = asyncio.create_task(asyncio.to_thread(client.upload, film))
            while not sending.done():
                await gateway.harness.work_off()
                await asyncio.sleep(0.02)

    assert sending.result().sha256 == digest_of(film)
