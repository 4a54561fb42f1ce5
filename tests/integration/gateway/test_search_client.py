"""Searching with the Python client and the command line, against a gateway that really serves."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from gateway.adapters.postgres.search import PostgresIndexQueue
from gateway.domain.access import Role
from gateway.usecases.indexing import Indexer
from matchcut.client import Credentials, Invalid, Matchcut
from matchcut.main import app
from support.gateway_rig import PASSWORD, Gateway
from support.served_gateway import served_gateway

OWNER = "anna@example.org"
SCRIPT = "MENENIUS\nI shall tell you a pretty tale.\n\nCORIOLANUS\nHang [em]! They say!\n"


async def with_a_script(gateway: Gateway) -> None:
    client = await gateway.client(await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER))
    for number in range(3):
        await client.post("/v1/scripts", json={"filename": f"act{number}.txt", "text": SCRIPT})
    indexer = Indexer(
        gateway.harness.database,
        gateway.harness.blobs,
        gateway.use_cases.records_on,
        PostgresIndexQueue(),
        poll_s=1,
    )
    while await indexer.round():
        pass


async def test_searching_can_be_done_with_the_client_and_the_command(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served_gateway(postgres_url) as (gateway, url):
        await with_a_script(gateway)
        monkeypatch.setenv("MATCHCUT_URL", url)
        monkeypatch.setenv("MATCHCUT_USER", OWNER)
        monkeypatch.setenv("MATCHCUT_PASSWORD", PASSWORD)

        await asyncio.to_thread(by_client, url)
        await asyncio.to_thread(by_command)


def by_client(url: str) -> None:
    with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as anna:
        assert [(hit.line, hit.speaker) for hit in anna.search("pretty tale", limit=2)] == [(1, "MENENIUS")] * 3
        page = anna.search.page("corolanus", kinds=["scripts"])
        assert [one.searched_for for one in page.corrections] == [("coriolanus",)]
        assert len(page.items) == 3
        [hit, *_] = anna.search("hang")
        assert [text for text, found in hit.pieces() if found] == ["Hang"]
        assert "".join(text for text, _ in hit.pieces()) == hit.text
        assert list(anna.search("tale", kinds=["transcripts"])) == []
        with pytest.raises(Invalid):
            anna.search.page("-nothing")


def by_command() -> None:
    run = CliRunner().invoke
    shown = run(app, ["search", "corolanus", "--limit", "1"])
    assert shown.exit_code == 0, shown.output
    assert "Hang [em]! They say!" in " ".join(shown.stdout.split())
    assert "line 4" in shown.stdout
    assert "coriolanus" in shown.stderr

    as_json = run(app, ["search", "pretty tale", "--json", "--scripts"])
    assert [hit["speaker"] for hit in json.loads(as_json.stdout)["items"]] == ["MENENIUS"] * 3

    assert "nothing found" in run(app, ["search", "xylophone"]).stdout
    assert run(app, ["search", "--", "-nothing"]).exit_code == 2
