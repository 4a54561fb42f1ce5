"""Films out of buckets of others: within the operator's rules, with their credentials, one version at a time."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from contracts.gateway import VideoSubmitted
from support.bucket_edge import BucketEdge, a_bucket_edge
from support.gateway_rig import Gateway, a_gateway, json_of

FILM = bytes(range(256)) * 2000
OTHER = bytes(reversed(FILM))
PIECE = 100_000


@dataclass
class House:
    """A gateway, somebody in it, and a bucket it may import from."""

    gateway: Gateway
    client: httpx.AsyncClient
    edge: BucketEdge
    bucket: str

    async def put(self, name: str, content: bytes = FILM) -> str:
        """Store an object; its address."""
        await asyncio.to_thread(put, self.bucket, name, content)
        return f"gs://{self.bucket}/{name}"

    async def importing(self, url: str, client: httpx.AsyncClient | None = None, **source: Any) -> httpx.Response:
        """Ask for a video of it."""
        return await (client or self.client).post("/v1/videos", json={"source": {"url": url, **source}})

    async def outcome(self, video: dict[str, Any]) -> dict[str, Any]:
        """What became of it, once all work is done."""
        await self.gateway.harness.work_off()
        return json_of(await self.client.get(f"/v1/videos/{video['id']}"), 200)


def put(bucket: str, name: str, content: bytes) -> None:
    client = Client(project="none", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    try:
        if not client.bucket(bucket).exists():
            client.create_bucket(bucket)
        client.bucket(bucket).blob(name).upload_from_string(content)
    finally:
        client.close()


@pytest.fixture(scope="module")
def server() -> Iterator[BucketEdge]:
    with a_bucket_edge() as edge:
        yield edge


@pytest.fixture
async def house(server: BucketEdge, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr("chassis.blobs._foreign._READ", PIECE)
    server.reads.clear()
    server.before_read = None
    bucket = f"inbox-{uuid4().hex}"
    settings: dict[str, Any] = {
        "import_buckets": (bucket, "shared/{tenant}/films/"),
        "max_upload_bytes": 1_000_000,
        "import_idle_s": 1,
    }
    async with a_gateway(postgres_url, **settings) as gateway:
        yield House(gateway, await gateway.owner(), server, bucket)


async def test_an_object_becomes_a_video(house: House) -> None:
    url = await house.put("rushes/Szene zwölf #1?.mp4")
    digest = hashlib.sha256(FILM).hexdigest()

    video = json_of(await house.importing(url, sha256=digest, size_bytes=len(FILM)), 201)
    later = await house.outcome(video)

    assert (video["state"], later["state"], later["sha256"]) == ("importing", "ingesting", digest)
    [fact] = house.gateway.harness.facts(VideoSubmitted)
    assert await house.gateway.harness.blobs.get_bytes(fact.upload_key) == FILM


async def test_a_bucket_that_falls_silent_is_gone_on_with_where_it_did(house: House) -> None:
    url = await house.put("film.mp4")
    found = house.edge.finds

    def break_until_it_is_looked_for_again(count: int) -> int | None:
        return 503 if house.edge.reads[-1] == "bytes=300000-399999" and house.edge.finds == found + 1 else None

    house.edge.before_read = break_until_it_is_looked_for_again
    later = await house.outcome(json_of(await house.importing(url), 201))

    assert house.edge.finds == found + 2
    assert (later["state"], later["sha256"]) == ("ingesting", hashlib.sha256(FILM).hexdigest())
    assert house.edge.reads.count("bytes=0-99999") == 1, "what came is not read again"


async def test_an_object_that_is_replaced_meanwhile_is_read_from_the_start(house: House) -> None:
    url = await house.put("film.mp4")

    def replace_at_the_third(count: int) -> int | None:
        if count == 3:
            put(house.bucket, "film.mp4", OTHER)
        return None

    house.edge.before_read = replace_at_the_third
    later = await house.outcome(json_of(await house.importing(url), 201))

    assert later["sha256"] == hashlib.sha256(OTHER).hexdigest()
    assert house.edge.reads.count("bytes=0-99999") == 2


async def test_what_is_not_there_or_not_for_us_rejects_the_video(house: House) -> None:
    url = await house.put("film.mp4")
    missing = await house.outcome(json_of(await house.importing(f"{url}.missing"), 201))

    house.edge.before_read = lambda count: 403
    denied = await house.outcome(json_of(await house.importing(url), 201))

    assert missing["rejection"]["reason"] == "source_not_found"
    assert denied["rejection"]["reason"] == "source_denied"


async def test_no_more_is_read_than_an_upload_may_have(house: House) -> None:
    url = await house.put("film.mp4", bytes(1_000_001))

    rejected = await house.outcome(json_of(await house.importing(url), 201))

    assert (rejected["rejection"]["reason"], house.edge.reads) == ("source_too_large", [])


@pytest.mark.parametrize(
    "url",
    [
        "gs://somebody-elses/film.mp4",
        "gs://shared/film.mp4",
        "gs://shared/019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77/films/film.mp4",
        "gs://shared/{tenant}/films-of-others/film.mp4",
        "gs://inbox",
        "gs:///film.mp4",
        "gs://UPPER/film.mp4",
    ],
)
async def test_a_bucket_the_operator_does_not_name_is_refused_at_once(house: House, url: str) -> None:
    answer = await house.importing(url)

    assert json_of(answer, 422)["errors"][0]["field"] == "source.url"


async def test_a_folder_of_one_tenant_is_for_no_other(house: House) -> None:
    me = json_of(await house.client.get("/v1/me"), 200)
    url = f"gs://shared/{me['tenant_id']}/films/film.mp4"
    await asyncio.to_thread(put, "shared", url.removeprefix("gs://shared/"), FILM)
    other = await house.gateway.owner("another studio")

    mine = await house.outcome(json_of(await house.importing(url), 201))

    assert mine["state"] == "ingesting"
    assert (await house.importing(url, other)).status_code == 422


async def test_by_default_no_bucket_is_read_and_never_the_one_films_are_kept_in(
    server: BucketEdge, postgres_url: str
) -> None:
    body = {"source": {"url": "gs://films/original/film.mp4"}}
    async with a_gateway(postgres_url) as gateway:
        by_default = await (await gateway.owner()).post("/v1/videos", json=body)
    async with a_gateway(postgres_url, blobs_url="gs://films/blobs", import_buckets=("films",)) as gateway:
        ours = await (await gateway.owner()).post("/v1/videos", json=body)

    assert (by_default.status_code, ours.status_code) == (422, 422)
