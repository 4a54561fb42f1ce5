"""The Python client sends large films straight to the bucket, where there is one, and has them fetched from Drive."""

import asyncio
import hashlib
import random
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.access import Role
from gateway.main import build
from matchcut.client import Credentials, Matchcut, TransferBroken
from support.bucket import a_bucket
from support.bucket_edge import BucketEdge, a_bucket_edge
from support.drive import FILE_ID, TOKEN, a_drive
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


def content_of(film: Path) -> bytes:
    return film.read_bytes()


def digest_of(film: Path) -> str:
    return hashlib.sha256(content_of(film)).hexdigest()


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
    edge.breaks, edge.forgets = [MB], True
    async with served_gateway(postgres_url, blobs_url=a_bucket()) as (gateway, url):
        with Matchcut(url, await credentials(gateway)) as client, pytest.raises(TransferBroken, match="404"):
            await asyncio.to_thread(client.upload, film)


async def test_without_a_bucket_it_goes_in_pieces(film: Path, postgres_url: str) -> None:
    async with served_gateway(postgres_url) as (gateway, url):
        with Matchcut(url, await credentials(gateway)) as client:
            sending = asyncio.create_task(asyncio.to_thread(client.upload, film))
            while not sending.done():
                await gateway.harness.work_off()
                await asyncio.sleep(0.02)

    assert sending.result().sha256 == digest_of(film)


async def test_a_file_of_drive_is_fetched_for_us(film: Path, postgres_url: str) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    with a_drive(content_of(film)) as drive:
        settings: dict[str, Any] = {
            "outbound_http": True,
            "outbound_ports": {drive.port},
            "outbound_networks": [ip_network("127.0.0.0/8")],
            "drive_url": f"http://drive.example:{drive.port}",
        }
        async with served_gateway(postgres_url, built_by=partial(build, resolve=resolve), **settings) as (gateway, url):
            with Matchcut(url, await credentials(gateway)) as client:
                place = f"drive://{FILE_ID}"
                video = await asyncio.to_thread(client.import_video, place, access_token=TOKEN)
                await gateway.harness.work_off()
                later = await asyncio.to_thread(client.video, video.id)

    assert (video.state, video.filename) == ("importing", "Scene 12.mp4")
    assert (later.state, later.sha256) == ("ingesting", digest_of(film))
