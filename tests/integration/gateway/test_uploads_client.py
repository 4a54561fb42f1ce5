"""The Python client sends films over a network that breaks, and has them fetched."""

import asyncio
import hashlib
import random
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from matchcut.client import Credentials, Invalid, Matchcut, Video
from matchcut.servers.ports import free_port
from support.cutting_proxy import cutting_proxy
from support.film_server import a_film_server
from support.killable_gateway import EMAIL, PASSWORD, GatewayProcess, a_gateway_process

MB = 1 << 20


@pytest.fixture(scope="module")
def port() -> int:
    """Where films can be fetched from."""
    return free_port()


@pytest.fixture(scope="module")
def gateway(
    port: int, postgres_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    allowed = {"outbound_http": "true", "outbound_networks": '["127.0.0.0/8"]', "outbound_ports": f"[{port}, 8443]"}
    with a_gateway_process(postgres_url, redis_url, tmp_path_factory.mktemp("blobs"), **allowed) as running:
        yield running


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    path.write_bytes(random.Random(8).randbytes(12 * MB))
    return path


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def digest_of(path: Path) -> str:
    return hashlib.sha256(content_of(path)).hexdigest()


async def test_a_large_film_goes_on_wherever_it_was_cut(gateway: GatewayProcess, film: Path) -> None:
    whole, told = content_of(film), []
    async with cutting_proxy(gateway.url) as proxy:
        proxy.lose_answer(b"POST /v1/uploads/tus")
        for at in (3 * MB + 5, 7 * MB + 11):
            proxy.lose_request(whole[at : at + 32])
        proxy.lose_answer(whole[-32:])
        with Matchcut(proxy.url, Credentials(EMAIL, PASSWORD)) as client:
            upload = await asyncio.to_thread(client.upload, film, on_bytes=lambda sent, _: told.append(sent))
            video = await asyncio.to_thread(client.create_video, upload.id, title="Scene 12")

    assert (proxy.cuts, proxy.waits) == (4, False)
    assert (upload.state, upload.sha256) == ("received", digest_of(film))
    assert (video.state, video.sha256) == ("ingesting", digest_of(film))
    assert told[-1] == 12 * MB
    assert sum(later < sooner for sooner, later in pairwise(told)) <= 2


async def test_a_film_that_changes_while_it_is_sent_is_noticed(gateway: GatewayProcess, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(9 * MB))
    changed = False

    def change(sent: int, _: int | None) -> None:
        nonlocal changed
        if sent > 4 * MB and not changed:
            changed = True
            with film.open("r+b") as file:
                file.write(b"another beginning")

    async with cutting_proxy(gateway.url) as proxy:
        with Matchcut(proxy.url, Credentials(EMAIL, PASSWORD)) as client:
            upload = await asyncio.to_thread(client.upload, film, on_bytes=change)

    assert changed
    assert upload.sha256 == hashlib.sha256(bytes(9 * MB)).hexdigest(), "what was read is what was sent"


async def test_a_film_is_fetched_for_us(gateway: GatewayProcess, film: Path, port: int) -> None:
    async with a_film_server(content_of(film), port=port) as films:
        films.breaks = [5 * MB]
        with Matchcut(gateway.url, Credentials(EMAIL, PASSWORD)) as client:
            url = f"http://127.0.0.1:{films.port}/film.mp4"

            video = await asyncio.to_thread(
                client.import_video, url, sha256=digest_of(film), passthrough="order-4711", title="Scene 12"
            )
            later = await asyncio.to_thread(imported, client, video)

    assert (video.state, video.title, video.passthrough) == ("importing", "Scene 12", "order-4711")
    assert (later.state, later.sha256) == ("ingesting", digest_of(film))
    assert [headers.get("range") for _, headers in films.asked] == [None, f"bytes={5 * MB}-"]


async def test_an_import_goes_on_after_its_gateway_was_killed(gateway: GatewayProcess, film: Path, port: int) -> None:
    async with a_film_server(content_of(film), port=port) as films:
        films.breaks, films.holds = [5 * MB], asyncio.Event()
        url = f"http://127.0.0.1:{films.port}/film.mp4"
        with Matchcut(gateway.url, Credentials(EMAIL, PASSWORD)) as client:
            video = await asyncio.to_thread(client.import_video, url)
            await asyncio.to_thread(until_something_is_kept, gateway)
            gateway.kill()
        await asyncio.to_thread(gateway.start)

        with Matchcut(gateway.url, Credentials(EMAIL, PASSWORD)) as client:
            later = await asyncio.to_thread(imported, client, video)

    assert (later.state, later.sha256) == ("ingesting", digest_of(film))
    again = films.asked[-1][1]
    assert 0 < int(again["range"].removeprefix("bytes=").removesuffix("-")) <= 5 * MB


def imported(client: Matchcut, video: Video) -> Video:
    """The video, once its bytes are here or will not come."""
    until = time.monotonic() + 60
    while (later := client.video(video.id)).state == "importing" and time.monotonic() < until:
        time.sleep(0.05)
    return later


def until_something_is_kept(gateway: GatewayProcess) -> None:
    """Return once bytes of an import would outlive the process."""
    marks, until = gateway.blobs / ".growing" / "marks", time.monotonic() + 30
    while not any(int(path.read_bytes() or b"0") for path in marks.rglob("pieces")):
        assert time.monotonic() < until
        time.sleep(0.05)


async def test_an_address_inside_is_refused_at_once(gateway: GatewayProcess) -> None:
    with Matchcut(gateway.url, Credentials(EMAIL, PASSWORD)) as client, pytest.raises(Invalid, match=r"source\.url"):
        await asyncio.to_thread(client.import_video, "https://169.254.169.254:8443/latest/meta-data")
