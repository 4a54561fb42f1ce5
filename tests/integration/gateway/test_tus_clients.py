"""Uploads in pieces by the clients that people use, over a network that breaks, to a gateway that is killed."""

import asyncio
import hashlib
import json
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.uploader.uploader import Uploader

from support.cutting_proxy import cutting_proxy
from support.killable_gateway import GatewayProcess, a_gateway_process

TUS = "/v1/uploads/tus"
MB = 1 << 20
NODE, NPM = shutil.which("node"), shutil.which("npm")
PAGE = """
const fs = require('fs'), tus = require('tus-js-client');
const [endpoint, token, path, extra] = process.argv.slice(2);
const upload = new tus.Upload(fs.createReadStream(path), {
  endpoint, headers: { Authorization: `Bearer ${token}` }, retryDelays: [0, 200, 500, 1000],
  metadata: { filename: 'from node.mp4' }, chunkSize: 1048576, ...JSON.parse(extra),
  onError: (error) => { console.error(String(error)); process.exit(3); },
  onSuccess: () => console.log(upload.url),
});
upload.start();
"""


@pytest.fixture(scope="module")
def gateway(postgres_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with a_gateway_process(postgres_url, redis_url, tmp_path_factory.mktemp("blobs")) as running:
        yield running


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    path.write_bytes(random.Random(4).randbytes(5 * MB))
    return path


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def token_of(client: httpx.Client) -> str:
    return client.headers["authorization"].removeprefix("Bearer ")


@contextmanager
def uploader(to: str, client: httpx.Client, film: Path, **options: Any) -> Iterator[Uploader]:
    """tuspy, with a token."""
    tuspy = TusClient(f"{to}{TUS}", headers={"Authorization": client.headers["authorization"]})
    with film.open("rb") as stream:
        yield tuspy.uploader(
            file_stream=stream,
            metadata={"filename": film.name},
            chunk_size=MB,
            retries=5,
            retry_delay=0.1,
            **options,
        )


def place_of(sending: Uploader) -> str:
    """The path of an upload that tuspy sends."""
    return httpx.URL(sending.url or "").path


def settled(client: httpx.Client, url: str) -> dict[str, Any]:
    """The upload at an address of tus, once it was added up."""
    until = time.monotonic() + 60
    while True:
        upload: dict[str, Any] = client.get(f"/v1/uploads/{url.rpartition('/')[2]}").raise_for_status().json()
        if upload["state"] not in ("waiting", "checking") or time.monotonic() > until:
            return upload
        time.sleep(0.05)


def offset_of(client: httpx.Client, url: str) -> int:
    answer = client.head(url, headers={"Tus-Resumable": "1.0.0"})
    return int(answer.raise_for_status().headers["upload-offset"])


def test_tuspy_uploads_a_film_with_checksums(gateway: GatewayProcess, film: Path) -> None:
    with gateway.client() as client:
        with uploader(gateway.url, client, film, upload_checksum=True) as sending:
            sending.upload()

        upload = settled(client, place_of(sending))

    assert (upload["state"], upload["filename"]) == ("received", "film.mp4")
    assert (upload["size_bytes"], upload["sha256"]) == (5 * MB, digest_of(film))


async def test_tuspy_goes_on_after_its_connection_was_cut(gateway: GatewayProcess, film: Path) -> None:
    whole = content_of(film)
    with gateway.client() as client:
        async with cutting_proxy(gateway.url) as proxy:
            proxy.lose_request(whole[2 * MB + 700_000 :][:64])
            proxy.lose_answer(whole[-64:])
            with uploader(proxy.url, client, film) as sending:
                await asyncio.to_thread(sending.upload)

        upload = settled(client, place_of(sending))
    assert (proxy.cuts, proxy.waits) == (2, False)
    assert (upload["state"], upload["sha256"]) == ("received", digest_of(film))


def test_what_came_before_a_client_hung_up_is_kept(gateway: GatewayProcess, film: Path) -> None:
    whole = content_of(film)
    with gateway.client() as client:
        created = client.post(TUS, headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(len(whole))})
        place = created.headers["location"]

        with raw_patch(gateway.url, place, client, len(whole)) as connection:
            connection.sendall(whole[: 3 * MB + 7])
        until = time.monotonic() + 20
        while (kept := offset_of(client, place)) != 3 * MB + 7 and time.monotonic() < until:
            time.sleep(0.02)  # the end of a connection takes a moment to be noticed

    assert kept == 3 * MB + 7


def test_an_upload_goes_on_after_the_gateway_was_killed(gateway: GatewayProcess, tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    path.write_bytes(random.Random(5).randbytes(40 * MB))
    with gateway.client() as client:
        created = client.post(TUS, headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(path.stat().st_size)})
        place = created.headers["location"]
        with raw_patch(gateway.url, place, client, path.stat().st_size) as connection:
            connection.sendall(path.read_bytes()[: 20 * MB])
            while (kept := offset_of(client, place)) < 16 * MB:
                time.sleep(0.02)
            gateway.kill()
    gateway.start()

    with gateway.client() as client:
        after = offset_of(client, place)
        with uploader(gateway.url, client, path, url=f"{gateway.url}{place}") as sending:
            sending.upload()
        upload = settled(client, place)

    assert 16 * MB <= kept <= after <= 20 * MB
    assert (upload["state"], upload["sha256"]) == ("received", digest_of(path))


def test_a_large_upload_takes_no_more_memory_than_a_small_one(gateway: GatewayProcess) -> None:
    piece, count = random.Random(6).randbytes(MB), 384
    with gateway.client() as client:
        created = client.post(TUS, headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(MB)})
        client.patch(created.headers["location"], headers={**PIECES, "Upload-Offset": "0"}, content=piece)
        before, most = gateway.rss(), 0

        def pieces() -> Iterator[bytes]:
            nonlocal most
            for _ in range(count):
                yield piece
                most = max(most, gateway.rss())

        created = client.post(TUS, headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(count * MB)})
        headers = {**PIECES, "Upload-Offset": "0", "Content-Length": str(count * MB)}
        answer = client.patch(created.headers["location"], headers=headers, content=pieces())
        upload = settled(client, created.headers["location"])
        client.delete(f"/v1/uploads/{upload['id']}")

    assert (answer.status_code, upload["state"], upload["size_bytes"]) == (204, "received", count * MB)
    assert most - before < count * MB / 8


@pytest.fixture(scope="module")
def tus_js(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where node finds tus-js-client."""
    if NODE is None or NPM is None:
        pytest.skip("node or npm is not installed: what a browser would run cannot be run")
    folder = tmp_path_factory.mktemp("node")
    wanted = [NPM, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "tus-js-client@4.3.1"]
    installed = subprocess.run(wanted, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if installed.returncode:
        pytest.skip(f"tus-js-client could not be installed: {installed.stderr[-300:]}")
    (folder / "page.js").write_text(PAGE)
    return folder


@pytest.mark.parametrize("options", [{}, {"parallelUploads": 3}])
def test_tus_js_client_uploads_a_film(
    gateway: GatewayProcess, film: Path, tus_js: Path, options: dict[str, Any]
) -> None:
    assert NODE is not None
    with gateway.client() as client:
        arguments = [f"{gateway.url}{TUS}", token_of(client), str(film), json.dumps(options)]

        run = subprocess.run(
            [NODE, "page.js", *arguments], cwd=tus_js, capture_output=True, text=True, timeout=20, check=False
        )

        assert run.returncode == 0, run.stderr
        upload = settled(client, run.stdout.strip())
    assert (upload["state"], upload["sha256"]) == ("received", digest_of(film))


PIECES = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


def raw_patch(url: str, place: str, client: httpx.Client, length: int) -> socket.socket:
    """A connection on which a PATCH has begun; its bytes are for the test to send."""
    parts = httpx.URL(url)
    said = {**PIECES, "Host": "x", "Upload-Offset": "0", "Content-Length": str(length)}
    lines = [f"PATCH {place} HTTP/1.1", f"Authorization: {client.headers['authorization']}"]
    lines += [f"{name}: {value}" for name, value in said.items()]
    connection = socket.create_connection((parts.host, parts.port or 80))
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return connection
