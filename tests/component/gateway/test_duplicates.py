"""A second video of the same bytes: known for what it is, kept, spared or refused as was asked."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.gateway import VideoSubmitted
from gateway.domain.access import Role
from gateway.main import build
from gateway.usecases.sweep import Sweep
from matchcut.client import Credentials, Duplicate, Matchcut
from support.film_server import FilmServer, a_film_server
from support.gateway_rig import PASSWORD, Gateway, a_gateway, json_of
from support.served_gateway import served_gateway

FILM = b"a film of some length" * 1000
DIGEST = hashlib.sha256(FILM).hexdigest()


@dataclass
class House:
    """A gateway, somebody in it, and a server of films."""

    gateway: Gateway
    client: httpx.AsyncClient
    films: FilmServer

    async def upload(self, content: bytes = FILM, client: httpx.AsyncClient | None = None) -> str:
        """The id of an upload whose bytes are here."""
        client = client or self.client
        upload = json_of(await client.post("/v1/uploads", json={"filename": "clip.mp4"}), 201)
        json_of(await client.put(upload["content_url"], content=content), 200)
        return str(upload["id"])

    async def submit(self, source: Any, **wanted: Any) -> httpx.Response:
        """Ask for a video."""
        return await self.client.post("/v1/videos", json={"source": source, **wanted})

    async def outcome(self, video: dict[str, Any]) -> dict[str, Any]:
        """What became of it, once all work is done."""
        await self.gateway.harness.work_off()
        return json_of(await self.client.get(f"/v1/videos/{video['id']}"), 200)

    async def stored(self) -> list[str]:
        """All that is stored."""
        return [key async for key in self.gateway.harness.blobs.list("")]


@pytest.fixture
async def house(postgres_url: str) -> AsyncIterator[House]:
    async with a_film_server(FILM) as films:
        settings: dict[str, Any] = {
            "outbound_http": True,
            "outbound_ports": {films.port},
            "outbound_networks": [ip_network("127.0.0.0/8")],
        }

        async def resolve(host: str, port: int) -> list[str]:
            return ["127.0.0.1"]

        async with a_gateway(postgres_url, built_by=partial(build, resolve=resolve), **settings) as gateway:
            yield House(gateway, await gateway.owner(), films)


async def test_a_second_video_of_the_same_bytes_names_the_first(house: House) -> None:
    other = await house.gateway.owner("another studio")

    first = json_of(await house.submit(await house.upload()), 201)
    second = json_of(await house.submit(await house.upload()), 201)
    third = json_of(await house.submit(await house.upload(), on_duplicate="keep"), 201)
    theirs = await house.gateway.video(other, FILM)

    assert [video["duplicate_of"] for video in (first, second, third, theirs)] == [None, first["id"], first["id"], None]
    assert json_of(await house.client.get(f"/v1/videos/{second['id']}"), 200)["duplicate_of"] == first["id"]


async def test_a_second_video_can_be_refused_and_its_upload_used_all_the_same(house: House) -> None:
    first = json_of(await house.submit(await house.upload()), 201)
    upload = await house.upload()

    refused = await house.submit(upload, on_duplicate="refuse")
    again = json_of(await house.submit(upload), 201)
    fresh = json_of(await house.submit(await house.upload(b"another film"), on_duplicate="refuse"), 201)

    problem = json_of(refused, 409)
    assert (problem["type"], problem["duplicate_of"]) == ("/problems/duplicate-video", first["id"])
    assert (again["duplicate_of"], fresh["duplicate_of"]) == (first["id"], None)


async def test_the_first_video_can_be_had_instead_and_the_upload_is_forgotten(house: House) -> None:
    first = json_of(await house.submit(await house.upload()), 201)
    upload = await house.upload()

    headers = {"Idempotency-Key": "once"}
    body = {"source": upload, "on_duplicate": "reuse"}
    answers = [await house.client.post("/v1/videos", json=body, headers=headers) for _ in range(2)]
    swept = await sweep_of(house.gateway)()

    assert [json_of(answer, 200)["id"] for answer in answers] == [first["id"]] * 2
    assert (await house.client.get(f"/v1/uploads/{upload}")).status_code == 404
    assert (swept.strays, len(await house.stored())) == (1, 1)
    assert len(house.gateway.harness.facts(VideoSubmitted)) == 1


@pytest.mark.parametrize("on_duplicate", ["keep", "reuse", "refuse"])
async def test_of_many_at_one_moment_one_is_the_first(house: House, on_duplicate: str) -> None:
    uploads = [await house.upload() for _ in range(5)]

    answers = await asyncio.gather(*(house.submit(upload, on_duplicate=on_duplicate) for upload in uploads))

    bodies = [answer.json() for answer in answers]
    videos = json_of(await house.client.get("/v1/videos"), 200)["items"]
    [first] = [video["id"] for video in videos if video["duplicate_of"] is None]
    expected = {"keep": [201] * 5, "reuse": [200] * 4 + [201], "refuse": [201] + [409] * 4}[on_duplicate]
    assert sorted(answer.status_code for answer in answers) == expected
    assert len(videos) == (5 if on_duplicate == "keep" else 1)
    if on_duplicate == "reuse":
        assert {body["id"] for body in bodies} == {first}
    else:
        assert {body.get("duplicate_of") for body in bodies} == {first, None}


@pytest.mark.parametrize("on_duplicate", ["reuse", "refuse"])
async def test_a_film_that_turns_out_to_be_here_is_rejected_when_it_was_fetched(
    house: House, on_duplicate: str
) -> None:
    first = json_of(await house.submit(await house.upload()), 201)
    video = json_of(await house.submit({"url": house.films.url()}, on_duplicate=on_duplicate), 201)
    job = await house.gateway.job(house.client, video["id"])

    rejected = await house.outcome(video)

    failed = json_of(await house.client.get(f"/v1/jobs/{job['id']}"), 200)
    assert (rejected["state"], rejected["rejection"]["reason"]) == ("rejected", "duplicate")
    assert (rejected["duplicate_of"], failed["error"]["reason"]) == (first["id"], "duplicate")
    assert len(await house.stored()) == 1
    assert [fact.video_id for fact in house.gateway.harness.facts(VideoSubmitted)] == [UUID(first["id"])]


async def test_a_film_that_was_fetched_names_the_first(house: House) -> None:
    first = json_of(await house.submit({"url": house.films.url()}), 201)
    await house.outcome(first)

    second = await house.outcome(json_of(await house.submit({"url": house.films.url()}), 201))

    assert (second["state"], second["duplicate_of"]) == ("ingesting", first["id"])


async def test_what_is_known_by_its_checksum_is_not_fetched(house: House) -> None:
    first = json_of(await house.submit(await house.upload()), 201)
    source = {"url": house.films.url(), "sha256": DIGEST}

    reused = await house.submit(source, on_duplicate="reuse")
    refused = await house.submit(source, on_duplicate="refuse")
    await house.gateway.harness.work_off()

    assert (json_of(reused, 200)["id"], json_of(refused, 409)["duplicate_of"]) == (first["id"], first["id"])
    assert house.films.asked == []


async def test_erasing_one_leaves_the_bytes_of_the_other(house: House) -> None:
    first = json_of(await house.submit(await house.upload()), 201)
    second = json_of(await house.submit(await house.upload()), 201)

    json_of(await house.client.delete(f"/v1/videos/{first['id']}"), 202)
    third = json_of(await house.submit(await house.upload(), on_duplicate="refuse"), 409)

    [key] = [
        fact.upload_key for fact in house.gateway.harness.facts(VideoSubmitted) if str(fact.video_id) == second["id"]
    ]
    assert await house.gateway.harness.blobs.get_bytes(key) == FILM
    assert third["duplicate_of"] == second["id"], "what was erased is nobody's first"


async def test_a_rejected_video_is_nobodys_first(house: House) -> None:
    source = {"url": house.films.url(), "size_bytes": 5}
    rejected = await house.outcome(json_of(await house.submit(source), 201))

    video = json_of(await house.submit(await house.upload(), on_duplicate="refuse"), 201)

    assert (rejected["state"], video["duplicate_of"]) == ("rejected", None)


async def test_the_client_says_what_is_to_become_of_a_duplicate(postgres_url: str, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    await asyncio.to_thread(film.write_bytes, FILM)
    async with served_gateway(postgres_url) as (gateway, url):
        await gateway.user(await gateway.tenant("studio"), Role.OWNER, "anna@example.org")
        with Matchcut(url, Credentials("anna@example.org", PASSWORD)) as client:
            first = await asyncio.to_thread(client.add_video, film)
            uploads = [await asyncio.to_thread(client.upload, film) for _ in range(3)]
            kept = await asyncio.to_thread(client.create_video, uploads[0].id)
            reused = await asyncio.to_thread(client.create_video, uploads[1].id, on_duplicate="reuse")
            with pytest.raises(Duplicate) as refused:
                await asyncio.to_thread(client.create_video, uploads[2].id, on_duplicate="refuse")

    assert (kept.duplicate_of, reused.id, refused.value.duplicate_of) == (first.id, first.id, first.id)


def sweep_of(gateway: Gateway) -> Sweep:
    """The sweep that the service runs every few minutes."""
    owners = [getattr(run, "__self__", None) for run in gateway.harness.service.background]
    [sweep] = [owner for owner in owners if isinstance(owner, Sweep)]
    return sweep
