"""Videos whose bytes we fetch: from real servers that break off, change, refuse, and point inside."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.gateway import VideoSubmitted
from gateway.main import build
from gateway.usecases.sweep import Sweep
from support.film_server import FilmServer, a_film_server
from support.gateway_rig import Gateway, a_gateway, json_of

FILM = bytes(range(256)) * 2000
DIGEST = hashlib.sha256(FILM).hexdigest()


@dataclass
class House:
    """A gateway, somebody in it, and a server of films."""

    gateway: Gateway
    client: httpx.AsyncClient
    films: FilmServer

    async def importing(self, url: str | None = None, **source: Any) -> dict[str, Any]:
        """A video of the film, asked for."""
        body = {"source": {"url": url or self.films.url(), **source}}
        return json_of(await self.client.post("/v1/videos", json=body), 201)

    async def outcome(self, video: dict[str, Any]) -> dict[str, Any]:
        """What became of it, once all work is done."""
        await self.gateway.harness.work_off()
        return json_of(await self.client.get(f"/v1/videos/{video['id']}"), 200)

    def files(self) -> list[Path]:
        """All that is stored."""
        folder = Path(self.gateway.harness.service.settings.blobs_url.removeprefix("file://"))
        return [path for path in folder.rglob("*") if path.is_file()]

    async def stored(self) -> bytes:
        """The bytes that were handed on."""
        [fact] = self.gateway.harness.facts(VideoSubmitted)
        return await self.gateway.harness.blobs.get_bytes(fact.upload_key)


async def resolve(host: str, port: int) -> list[str]:
    """Where names lead in these tests."""
    return {"films.example": ["127.0.0.1"], "inside.example": ["10.0.0.7"]}.get(host, ["93.184.216.34"])


@pytest.fixture
async def house(postgres_url: str) -> AsyncIterator[House]:
    async with a_house(postgres_url) as house:
        yield house


@asynccontextmanager
async def a_house(postgres_url: str, **more: Any) -> AsyncIterator[House]:
    async with a_film_server(FILM) as films:
        settings: dict[str, Any] = {
            "outbound_http": True,
            "outbound_ports": {films.port},
            "outbound_networks": [ip_network("127.0.0.0/8")],
            "max_upload_bytes": 1_000_000,
            "import_idle_s": 0.5,
            **more,
        }
        async with a_gateway(postgres_url, built_by=partial(build, resolve=resolve), **settings) as gateway:
            yield House(gateway, await gateway.owner(), films)


async def test_a_film_is_fetched_checked_and_handed_on(house: House) -> None:
    video = await house.importing(sha256=DIGEST, size_bytes=len(FILM))
    job = await house.gateway.job(house.client, video["id"])

    later = await house.outcome(video)

    assert (video["state"], video["title"], video["sha256"]) == ("importing", "film", None)
    assert (later["state"], later["sha256"], later["size_bytes"]) == ("ingesting", DIGEST, len(FILM))
    assert job["state"] == "queued"
    assert await house.stored() == FILM
    [(path, headers)] = house.films.asked
    assert (path, headers["accept-encoding"]) == ("/film.mp4", "identity")


@pytest.mark.parametrize("sized", [True, False])
async def test_a_connection_that_breaks_is_gone_on_with_where_it_broke(house: House, sized: bool) -> None:
    house.films.breaks, house.films.sized = [100_000, 100_001, 300_000], sized

    later = await house.outcome(await house.importing())

    assert (later["state"], later["sha256"]) == ("ingesting", DIGEST)
    asked = [headers.get("range") for _, headers in house.films.asked]
    assert asked == [None, "bytes=100000-", "bytes=100001-", "bytes=300000-"]
    assert {headers.get("if-range") for _, headers in house.films.asked[1:]} == {'"one"'}
    assert await house.stored() == FILM


async def test_a_film_that_was_whole_when_the_connection_broke_is_whole(house: House) -> None:
    house.films.breaks, house.films.sized = [len(FILM)], False

    later = await house.outcome(await house.importing())

    assert (later["state"], later["sha256"]) == ("ingesting", DIGEST)
    assert [headers.get("range") for _, headers in house.films.asked] == [None, f"bytes={len(FILM)}-"]
    assert await house.stored() == FILM


async def test_a_film_that_changes_meanwhile_is_fetched_from_the_start(house: House) -> None:
    house.films.breaks = [100_000]
    video = await house.importing()
    other = bytes(reversed(FILM))

    async def change_after_the_first() -> None:
        await house.films.heard.wait()
        house.films.content, house.films.tag = other, '"two"'

    changing = asyncio.create_task(change_after_the_first())
    await house.outcome(video)
    await changing
    again = await house.outcome(video)

    assert again["sha256"] == hashlib.sha256(other).hexdigest()
    assert await house.stored() == other


@pytest.mark.parametrize("wrong", ["tag", "ranges"])
async def test_what_cannot_be_resumed_is_fetched_again_whole(house: House, wrong: str) -> None:
    house.films.breaks = [200_000]
    if wrong == "tag":
        house.films.tag = None
    else:
        house.films.ranges = False

    later = await house.outcome(await house.importing())

    assert (later["state"], later["sha256"]) == ("ingesting", DIGEST)
    assert await house.stored() == FILM


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "source_not_found"), (410, "source_not_found"), (401, "source_denied"), (403, "source_denied")],
)
async def test_a_source_that_says_no_rejects_the_video_at_once(house: House, status: int, reason: str) -> None:
    house.films.status = status
    video = await house.importing()
    job = await house.gateway.job(house.client, video["id"])

    rejected = await house.outcome(video)

    assert (rejected["state"], rejected["rejection"]["reason"]) == ("rejected", reason)
    assert len(house.films.asked) == 1
    failed = json_of(await house.client.get(f"/v1/jobs/{job['id']}"), 200)
    assert (failed["state"], failed["error"]["reason"]) == ("failed", reason)
    assert house.files() == []


async def test_a_source_that_stays_away_rejects_the_video_after_many_tries(house: House) -> None:
    house.films.status = 503

    rejected = await house.outcome(await house.importing())

    assert (rejected["state"], rejected["rejection"]["reason"]) == ("rejected", "source_unavailable")
    assert len(house.films.asked) == 8


async def test_a_source_that_falls_silent_is_not_waited_for_for_ever(house: House) -> None:
    house.films.breaks, house.films.holds = [100_000], asyncio.Event()

    later = await house.outcome(await house.importing())

    assert (later["state"], later["sha256"]) == ("ingesting", DIGEST)


async def test_a_page_is_not_taken_for_a_film(house: House) -> None:
    house.films.content_type = "text/html; charset=utf-8"

    rejected = await house.outcome(await house.importing())

    assert rejected["rejection"]["reason"] == "source_not_media"


@pytest.mark.parametrize("sized", [True, False])
async def test_no_more_is_fetched_than_an_upload_may_have(house: House, sized: bool) -> None:
    house.films.content, house.films.sized = bytes(3_000_000), sized

    rejected = await house.outcome(await house.importing())

    assert rejected["rejection"]["reason"] == "source_too_large"
    assert sum(path.stat().st_size for path in house.files()) <= 1_000_000


@pytest.mark.parametrize("announced", [{"sha256": "0" * 64}, {"size_bytes": 5}])
async def test_a_film_that_is_not_the_announced_one_is_rejected(house: House, announced: dict[str, Any]) -> None:
    rejected = await house.outcome(await house.importing(**announced))

    assert (rejected["state"], rejected["rejection"]["reason"]) == ("rejected", "checksum_mismatch")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2.nip.example:1/x",
        "http://inside.example:{port}/film.mp4",
        "http://10.0.0.7:{port}/",
        "http://169.254.169.254:{port}/latest/meta-data",
        "http://[::1]:{port}/",
        "ftp://films.example/film.mp4",
        "file:///etc/passwd",
        "http://anna:secret@films.example:{port}/film.mp4",
        "not an address",
    ],
)
async def test_an_address_inside_is_refused_when_it_is_named(house: House, url: str) -> None:
    body = {"source": {"url": url.format(port=house.films.port)}}

    answer = await house.client.post("/v1/videos", json=body)

    assert json_of(answer, 422)["errors"][0]["field"] == "source.url"
    assert house.films.asked == []


@pytest.mark.parametrize(
    "to", ["http://inside.example:{port}/film.mp4", "http://10.0.0.7:{port}/", "file:///etc/passwd"]
)
async def test_no_redirect_leads_inside(house: House, to: str) -> None:
    house.films.redirects["/film.mp4"] = to.format(port=house.films.port)

    rejected = await house.outcome(await house.importing())

    assert rejected["rejection"]["reason"] == "source_forbidden"
    assert len(house.films.asked) == 1


async def test_a_redirect_to_where_we_may_go_is_followed_and_one_in_circles_is_not(house: House) -> None:
    house.films.redirects |= {"/old": "/film.mp4", "/round": "/and-round", "/and-round": "/round"}

    moved = await house.outcome(await house.importing(house.films.url("/old")))
    circling = await house.outcome(await house.importing(house.films.url("/round")))

    assert moved["state"] == "ingesting"
    assert circling["rejection"]["reason"] == "source_refused"


async def test_the_address_is_nowhere_in_the_database_as_it_was_given(house: House) -> None:
    video = await house.importing(house.films.url("/film.mp4?signature=a-secret-of-theirs"))
    me = json_of(await house.client.get("/v1/me"), 200)

    async with house.gateway.harness.database.begin(me["tenant_id"]) as work:
        rows = [
            str((await work.connection.exec_driver_sql(f"SELECT * FROM {table}")).all())
            for table in ("transfers", "tasks", "videos", "uploads", "outbox")
        ]

    assert video["filename"] == "film.mp4"
    assert not [row for row in rows if "a-secret-of-theirs" in row]


async def test_a_video_erased_while_it_is_fetched_leaves_nothing(house: House) -> None:
    house.films.breaks, house.films.holds = [300_000], asyncio.Event()
    video = await house.importing()

    working = asyncio.create_task(house.gateway.harness.work_off())
    await house.films.heard.wait()
    json_of(await house.client.delete(f"/v1/videos/{video['id']}"), 202)
    house.films.holds.set()
    await working

    assert house.files() == []
    assert house.gateway.harness.facts(VideoSubmitted) == []


async def test_either_an_upload_or_an_address_is_named(house: House) -> None:
    both = {"source": {"url": house.films.url()}, "upload_id": "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"}

    assert (await house.client.post("/v1/videos", json={})).status_code == 422
    assert (await house.client.post("/v1/videos", json=both)).status_code == 422


async def test_what_nobody_knows_of_any_more_is_swept(house: House) -> None:
    await house.outcome(await house.importing())
    stray = "scratch/019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77/uploads/019363a0-8c1e-7b52-9d0f-3a6c2f1e5b78"
    blobs, before = house.gateway.harness.blobs, house.files()
    await blobs.put_bytes(f"{stray}/content", b"x")
    async with blobs.grow(f"{stray}/pieces", 0) as growth:
        await growth.write(b"x")

    swept = await sweep_of(house.gateway)()

    assert swept.strays == 1
    assert house.files() == before


def sweep_of(gateway: Gateway) -> Sweep:
    """The sweep that the service runs every few minutes."""
    owners = [getattr(run, "__self__", None) for run in gateway.harness.service.background]
    [sweep] = [owner for owner in owners if isinstance(owner, Sweep)]
    return sweep


async def test_files_of_unknown_size_find_no_room_beyond_the_quota(postgres_url: str) -> None:
    async with a_house(postgres_url, max_storage_bytes=len(FILM) + 1000) as house:
        house.films.sized = False
        endless = [await house.importing() for _ in range(2)]
        first = [await house.outcome(video) for video in endless]
        house.films.sized = True
        sized = await house.outcome(await house.importing())
        standing = json_of(await house.client.get("/v1/usage/standing"), 200)

        assert sorted(video["state"] for video in first) == ["ingesting", "rejected"]
        rejected = [video for video in (*first, sized) if video["state"] == "rejected"]
        assert [video["rejection"]["reason"] for video in rejected] == ["storage_quota_exceeded"] * 2
        assert standing["storage_bytes"]["used"] == len(FILM)
        assert sum(path.stat().st_size for path in house.files()) == len(FILM)
