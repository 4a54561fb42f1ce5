"""What a browser asks before a page of another origin may upload by tus, and what the page gets to read."""

from collections.abc import AsyncIterator

import httpx
import pytest

from support.gateway_rig import Gateway, a_gateway

STUDIO = "https://studio.example"
TUS = {"Tus-Resumable": "1.0.0", "Origin": STUDIO}
OF_TUS_JS = "authorization,content-type,tus-resumable,upload-length,upload-metadata,upload-offset,upload-concat"


@pytest.fixture
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    async with a_gateway(postgres_url, cors_origins=(STUDIO,)) as gateway:
        yield gateway


def exposed(answer: httpx.Response) -> set[str]:
    return {name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")}


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/uploads/tus", "POST"),
        ("/v1/uploads/tus/019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77", "PATCH"),
        ("/v1/uploads/tus/019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77", "HEAD"),
        ("/v1/uploads/tus/019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77", "DELETE"),
        ("/v1/uploads/019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77/complete", "POST"),
    ],
)
async def test_a_browser_is_told_that_the_page_may_use_tus(gateway: Gateway, path: str, method: str) -> None:
    asks = f"{OF_TUS_JS},upload-checksum,upload-defer-length,x-http-method-override,idempotency-key"
    headers = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": asks}
    async with gateway.anonymous() as browser:
        allowed = await browser.options(path, headers={**headers, "Origin": STUDIO})
        refused = await browser.options(path, headers={**headers, "Origin": "https://elsewhere.example"})

    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == STUDIO
    assert method in allowed.headers["access-control-allow-methods"]
    may = {name.strip().lower() for name in allowed.headers["access-control-allow-headers"].split(",")}
    assert set(asks.split(",")) <= may
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


async def test_the_page_reads_what_a_client_of_tus_goes_by(gateway: Gateway) -> None:
    client = await gateway.owner()

    made = await client.post("/v1/uploads/tus", headers={**TUS, "Upload-Length": "10"})
    piece = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    sent = await client.patch(made.headers["location"], headers=piece, content=b"12345")
    looked = await client.head(made.headers["location"], headers=TUS)
    wrong = await client.patch(made.headers["location"], headers=piece, content=b"12345")

    for answer, status in ((made, 201), (sent, 204), (looked, 200), (wrong, 409)):
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == STUDIO, "errors, too, can be read by the page"
        assert {"location", "upload-offset", "upload-length", "upload-expires", "tus-resumable"} <= exposed(answer)


async def test_a_plain_question_for_what_of_tus_is_spoken_is_answered_too(gateway: Gateway) -> None:
    async with gateway.anonymous() as browser:
        answer = await browser.options("/v1/uploads/tus", headers={"Origin": STUDIO})

    assert (answer.status_code, answer.headers["tus-version"]) == (204, "1.0.0")
    assert {"tus-extension", "tus-max-size", "tus-checksum-algorithm"} <= exposed(answer)


async def test_without_an_origin_allowed_no_page_reads_anything(postgres_url: str) -> None:
    async with a_gateway(postgres_url) as gateway, gateway.anonymous() as browser:
        answer = await browser.options("/v1/uploads/tus", headers={"Origin": STUDIO})

    assert not [name for name in answer.headers if name.startswith("access-control-")]
