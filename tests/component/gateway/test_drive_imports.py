"""Films out of Google Drive: by a token nobody else gets to see, through broken connections and refusals."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from typing_extensions import override

from contracts.gateway import VideoSubmitted
from gateway.main import build
from support.drive import FILE_ID, KEY, TOKEN, Drive, a_drive
from support.gateway_rig import Gateway, a_gateway, json_of

FILM = bytes(range(256)) * 2000
DIGEST = hashlib.sha256(FILM).hexdigest()
LINK = f"https://drive.google.com/file/d/{FILE_ID}/view?usp=sharing"


@dataclass
class House:
    """A gateway, somebody in it, and Drive."""

    gateway: Gateway
    client: httpx.AsyncClient
    drive: Drive

    async def importing(self, url: str = f"drive://{FILE_ID}", **source: Any) -> dict[str, Any]:
        """A video of the file, asked for."""
        body = {"source": {"url": url, "access_token": TOKEN, **source}}
        return json_of(await self.client.post("/v1/videos", json=body), 201)

    async def outcome(self, video: dict[str, Any]) -> dict[str, Any]:
        """What became of it, once all work is done."""
        await self.gateway.harness.work_off()
        return json_of(await self.client.get(f"/v1/videos/{video['id']}"), 200)

    async def rows(self) -> str:
        """All that the database holds of it."""
        me = json_of(await self.client.get("/v1/me"), 200)
        async with self.gateway.harness.database.begin(me["tenant_id"]) as work:
            rows = [
                str((await work.connection.exec_driver_sql(f"SELECT * FROM {table}")).all())
                for table in ("transfers", "tasks", "videos", "uploads", "outbox", "audit", "idempotency_keys")
            ]
        return "".join(rows)


async def resolve(host: str, port: int) -> list[str]:
    return {"www.googleapis.com": ["127.0.0.1"]}.get(host, ["93.184.216.34"])


@pytest.fixture
async def house(postgres_url: str) -> AsyncIterator[House]:
    with a_drive(FILM) as drive:
        settings: dict[str, Any] = {
            "outbound_http": True,
            "outbound_ports": {drive.port},
            "outbound_networks": [ip_network("127.0.0.0/8")],
            "drive_url": f"http://www.googleapis.com:{drive.port}",
            "drive_key": KEY,
        }
        async with a_gateway(postgres_url, built_by=partial(build, resolve=resolve), **settings) as gateway:
            yield House(gateway, await gateway.owner(), drive)


@pytest.mark.parametrize("url", [f"drive://{FILE_ID}", LINK, f"https://drive.google.com/open?id={FILE_ID}"])
async def test_a_file_of_drive_becomes_a_video_by_the_name_it_has_there(house: House, url: str) -> None:
    video = await house.importing(url, sha256=DIGEST)

    later = await house.outcome(video)

    assert (video["state"], video["filename"], video["title"]) == ("importing", "Scene 12.mp4", "Scene 12")
    assert (later["state"], later["sha256"], later["size_bytes"]) == ("ingesting", DIGEST, len(FILM))
    [fact] = house.gateway.harness.facts(VideoSubmitted)
    assert await house.gateway.harness.blobs.get_bytes(fact.upload_key) == FILM
    assert {headers["authorization"] for _, headers in house.drive.asked} == {f"Bearer {TOKEN}"}
    assert not [headers for _, headers in house.drive.asked if "x-goog-api-key" in headers]


async def test_a_transfer_that_breaks_off_goes_on_where_it_broke(house: House) -> None:
    house.drive.breaks = [100_000, 300_001]

    later = await house.outcome(await house.importing())

    assert (later["state"], later["sha256"]) == ("ingesting", DIGEST)
    assert house.drive.media() == [None, "bytes=100000-", "bytes=300001-"]


async def test_a_file_that_changes_meanwhile_is_fetched_from_the_start(house: House) -> None:
    other = bytes(reversed(FILM))
    house.drive.breaks = [100_000]
    video = await house.importing()

    class Changing(list[tuple[str, dict[str, str]]]):
        @override
        def append(self, asked: tuple[str, dict[str, str]]) -> None:
            super().append(asked)
            if len(house.drive.media()) == 1 and asked[0] == "metadata":
                house.drive.content = other

    house.drive.asked = Changing(house.drive.asked)
    later = await house.outcome(video)

    assert later["sha256"] == hashlib.sha256(other).hexdigest()
    assert house.drive.media() == [None, None]


async def test_a_public_file_is_opened_by_the_operators_key(house: House) -> None:
    house.drive.public, house.drive.resource_key = True, "0-Abcdefghijkl"
    url = f"{LINK}&resourcekey=0-Abcdefghijkl"

    answer = await house.client.post("/v1/videos", json={"source": {"url": url}})
    later = await house.outcome(json_of(answer, 201))

    assert (later["state"], later["sha256"]) == ("ingesting", DIGEST)
    assert "authorization" not in house.drive.asked[-1][1]


@pytest.mark.parametrize(
    ("what", "status", "why", "reason"),
    [
        ("metadata", 404, "notFound", "source_not_found"),
        ("metadata", 401, "authError", "source_denied"),
        ("metadata", 403, "insufficientFilePermissions", "source_denied"),
        ("media", 403, "downloadQuotaExceeded", "source_quota"),
        ("metadata", 403, "dailyLimitExceeded", "source_quota"),
        ("media", 403, "fileNotDownloadable", "source_not_media"),
        ("metadata", 400, "badRequest", "source_refused"),
    ],
)
async def test_a_refusal_of_drive_rejects_the_video_and_says_which(
    house: House, what: str, status: int, why: str, reason: str
) -> None:
    house.drive.refuses = {what: (status, why)}

    rejected = await house.outcome(await house.importing())

    assert (rejected["state"], rejected["rejection"]["reason"]) == ("rejected", reason)
    assert "4711" not in rejected["rejection"]["detail"], "what Google says of its projects stays inside"


@pytest.mark.parametrize("why", ["userRateLimitExceeded", "rateLimitExceeded"])
async def test_a_drive_that_is_asked_too_often_is_asked_again_later(house: House, why: str) -> None:
    house.drive.refuses = {"media": (403, why)}

    rejected = await house.outcome(await house.importing())

    assert (rejected["rejection"]["reason"], len(house.drive.media())) == ("source_unavailable", 8)


async def test_a_document_of_drive_is_no_film(house: House) -> None:
    house.drive.mime_type = "application/vnd.google-apps.document"

    rejected = await house.outcome(await house.importing())

    assert rejected["rejection"]["reason"] == "source_not_media"


async def test_a_token_is_kept_sealed_and_only_until_the_film_is_here(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    video = await house.importing()
    before = await house.rows()
    later = await house.outcome(video)
    after = await house.rows()

    assert later["state"] == "ingesting"
    assert TOKEN not in before + after + caplog.text + str(video) + str(later)
    assert "gAAAA" in before, "sealed"
    assert "gAAAA" not in after


async def test_a_rejected_import_keeps_no_token_either(house: House) -> None:
    house.drive.refuses = {"metadata": (404, "notFound")}

    await house.outcome(await house.importing())

    assert "gAAAA" not in await house.rows()


@pytest.mark.parametrize(
    "source",
    [
        {"url": "drive://short"},
        {"url": "https://drive.google.com/drive/folders/1dyUEebJaFnWa3Z4n0BFMVAXQ7mfUH11g"},
        {"url": f"drive://{FILE_ID}/../../x"},
        {"url": "https://films.example/film.mp4", "access_token": TOKEN},
        {"url": f"drive://{FILE_ID}", "access_token": "two\r\nlines"},
    ],
)
async def test_what_is_no_file_of_drive_is_refused_when_it_is_named(house: House, source: dict[str, str]) -> None:
    answer = await house.client.post("/v1/videos", json={"source": source})

    problem = json_of(answer, 422)
    assert problem["errors"]
    assert TOKEN not in answer.text
    assert house.drive.asked == []


async def test_without_a_token_or_a_key_drive_is_not_asked(postgres_url: str) -> None:
    async with a_gateway(postgres_url, built_by=partial(build, resolve=resolve)) as gateway:
        client = await gateway.owner()

        answer = await client.post("/v1/videos", json={"source": {"url": LINK}})

    assert "access_token" in json_of(answer, 422)["detail"]


async def test_drive_is_asked_through_the_guard(postgres_url: str) -> None:
    inside = {"drive_url": "https://inside.example", "drive_key": KEY}

    async def lead_inside(host: str, port: int) -> list[str]:
        return ["10.0.0.7"]

    async with a_gateway(postgres_url, built_by=partial(build, resolve=lead_inside), **inside) as gateway:
        client = await gateway.owner()

        answer = await client.post("/v1/videos", json={"source": {"url": LINK, "access_token": TOKEN}})

    assert json_of(answer, 422)["errors"][0]["field"] == "source.url"
