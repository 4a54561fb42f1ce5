"""A tenant's own reference pictures: taken in only when they can be decoded, kept once, and named by jobs."""

import struct
import zlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from contracts.gateway import JobRequested
from support.findings_rig import a_picture
from support.gateway_rig import Gateway, a_gateway, json_of


def a_bomb(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes that claims to be huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


PNG = {"Content-Type": "image/png"}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    """One gateway for all tests here: each brings a tenant of its own."""
    limits: dict[str, Any] = {
        "max_logos": 2,
        "max_logo_bytes": 30_500,
        "max_logo_pixels": 1_000_000,
        "max_body_bytes": 100_000,
    }
    async with a_gateway(postgres_url, **limits) as running:
        yield running


async def somebody(gateway: Gateway) -> httpx.AsyncClient:
    """A client of the owner of a new tenant."""
    return await gateway.owner(f"studio {uuid4()}")


async def pictures_of(gateway: Gateway, client: httpx.AsyncClient) -> list[str]:
    """Keys of the pictures that a client's tenant has stored."""
    me = json_of(await client.get("/v1/me"), 200)
    return [key async for key in gateway.harness.blobs.list(f"original/{me['tenant_id']}/")]


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_is_taken_in_as_a_form_or_as_bytes_and_served_as_it_was(gateway: Gateway, format_: str) -> None:
    client = await somebody(gateway)
    content, other = a_picture(format_), a_picture(format_, colour="blue")

    files = {"file": ("mark.bin", content, "application/octet-stream")}
    formed = json_of(await client.post("/v1/logos", files=files, data={"name": "channel mark"}), 201)
    sent = json_of(await client.post("/v1/logos", params={"name": "blue"}, content=other, headers=PNG), 201)

    assert (formed["name"], formed["format"], formed["width"], formed["height"]) == (
        "channel mark",
        format_.lower(),
        32,
        16,
    )
    served = await client.get(formed["content_url"])
    assert (served.content, served.headers["content-type"]) == (content, f"image/{format_.lower()}")
    assert json_of(await client.get(f"/v1/logos/{sent['id']}"), 200) == sent
    listed = json_of(await client.get("/v1/logos"), 200)["items"]
    assert [logo["name"] for logo in listed] == ["blue", "channel mark"]


async def test_the_same_picture_is_one_logo(gateway: Gateway) -> None:
    client, stranger = await somebody(gateway), await somebody(gateway)

    first = await client.post("/v1/logos", params={"name": "a"}, content=a_picture(), headers=PNG)
    again = await client.post("/v1/logos", params={"name": "b"}, content=a_picture(), headers=PNG)
    theirs = await stranger.post("/v1/logos", params={"name": "c"}, content=a_picture(), headers=PNG)

    assert (first.status_code, again.status_code, theirs.status_code) == (201, 200, 201)
    assert again.json() == first.json()
    assert theirs.json()["id"] != first.json()["id"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        a_picture()[:60],
        a_picture("JPEG", (64, 64))[:300],
        a_picture("GIF"),
        a_picture("PNG", (4, 400)),
        a_bomb(5000, 5000),
        a_bomb(60_000, 60_000),
    ],
    ids=["empty", "text", "svg", "half a png", "half a jpeg", "gif", "a line", "a bomb", "a large bomb"],
)
async def test_what_is_no_usable_picture_is_refused_and_leaves_nothing(gateway: Gateway, content: bytes) -> None:
    client = await somebody(gateway)

    problem = json_of(await client.post("/v1/logos", content=content, headers=PNG), 422)

    assert problem["type"] == "/problems/unusable-picture"
    assert await pictures_of(gateway, client) == []


async def test_too_many_bytes_too_long_a_name_and_no_file_are_refused(gateway: Gateway) -> None:
    client = await somebody(gateway)
    large = a_picture() + b"\0" * 40_000

    async def pieces() -> Any:
        yield large[:30_000]
        yield large[30_000:]

    announced = await client.post("/v1/logos", content=large, headers=PNG)
    unannounced = await client.post("/v1/logos", content=pieces(), headers=PNG)
    formed = await client.post("/v1/logos", files={"file": ("a.png", large)})
    unnamed = await client.post("/v1/logos", params={"name": "a\nb"}, content=a_picture(), headers=PNG)
    nothing = await client.post("/v1/logos", files={"picture": ("a.png", a_picture())})
    broken = await client.post("/v1/logos", content=b"x", headers={"Content-Type": "multipart/form-data; boundary=y"})

    assert [answer.status_code for answer in (announced, unannounced, formed)] == [413] * 3
    assert json_of(unnamed, 422)["errors"][0]["field"] == "name"
    assert json_of(nothing, 422)["errors"][0]["field"] == "file"
    assert 400 <= broken.status_code < 500


async def test_a_removed_logo_leaves_no_bytes_and_can_come_again(gateway: Gateway) -> None:
    client = await somebody(gateway)
    logo = json_of(await client.post("/v1/logos", content=a_picture(), headers=PNG), 201)

    removed = await client.delete(f"/v1/logos/{logo['id']}")
    left = await pictures_of(gateway, client)
    again = json_of(await client.post("/v1/logos", content=a_picture(), headers=PNG), 201)

    assert (removed.status_code, left) == (204, [])
    assert (await client.get(f"/v1/logos/{logo['id']}")).status_code == 404
    assert (await client.get(again["content_url"])).content == a_picture()


async def test_there_may_be_so_many(gateway: Gateway) -> None:
    client = await somebody(gateway)
    for colour in ("red", "green"):
        json_of(await client.post("/v1/logos", content=a_picture(colour=colour), headers=PNG), 201)

    third = await client.post("/v1/logos", content=a_picture(colour="blue"), headers=PNG)
    known = await client.post("/v1/logos", content=a_picture(colour="red"), headers=PNG)

    assert json_of(third, 409)["type"] == "/problems/too-many-logos"
    assert known.status_code == 200


async def test_a_job_looks_for_all_logos_or_for_those_it_names(gateway: Gateway) -> None:
    client, stranger = await somebody(gateway), await somebody(gateway)
    video = await gateway.ingested(client)
    red, green = [
        json_of(await client.post("/v1/logos", params={"name": name}, content=a_picture(colour=name), headers=PNG), 201)
        for name in ("red", "green")
    ]
    theirs = json_of(await stranger.post("/v1/logos", content=a_picture(), headers=PNG), 201)

    async def looked_for(step: str, **options: Any) -> list[str]:
        await gateway.job(client, video["id"], [step], options=options)
        return sorted(logo.name for logo in gateway.harness.facts(JobRequested)[-1].options.logos)

    assert await looked_for("watermarks") == ["green", "red"]
    assert await looked_for("watermarks", logos=[green["id"]]) == ["green"]
    assert await looked_for("watermarks", logos=[]) == []
    assert await looked_for("scenes", logos=[red["id"]]) == []
    for unknown in (theirs["id"], str(uuid4())):
        wanted = {"video_id": video["id"], "steps": ["watermarks"], "options": {"logos": [unknown]}}
        problem = json_of(await client.post("/v1/jobs", json=wanted), 404)
        assert [error["field"] for error in problem["errors"]] == ["options.logos"]
    [shown] = json_of(await client.get("/v1/jobs", params={"limit": 1}), 200)["items"]
    assert shown["options"]["logos"] == []


async def test_a_picture_too_many_leaves_no_bytes_behind(gateway: Gateway) -> None:
    client = await somebody(gateway)
    for colour in ("red", "blue"):
        json_of(await client.post("/v1/logos", content=a_picture(colour=colour), headers=PNG), 201)
    before = await pictures_of(gateway, client)

    refused = await client.post("/v1/logos", content=a_picture(colour="green"), headers=PNG)
    known = await client.post("/v1/logos", content=a_picture(colour="blue"), headers=PNG)

    assert (refused.status_code, known.status_code) == (409, 200)
    assert await pictures_of(gateway, client) == before
