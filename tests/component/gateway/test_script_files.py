"""Scripts of every format, handed in as text or as bytes: kept as they were, announced with what they are, found."""

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from contracts.gateway import JobRequested, ScriptSubmitted
from gateway.adapters.postgres.search import PostgresIndexQueue
from gateway.usecases.indexing import Indexer
from support.gateway_rig import Gateway, a_gateway, json_of
from support.script_files import a_word_document, final_draft, word_paragraph

pytestmark = pytest.mark.asyncio(loop_scope="module")
FDX = final_draft([("Character", "ANNA"), ("Dialogue", "The heron waits.")])
DOCX = a_word_document(word_paragraph("ANNA") + word_paragraph("The bittern booms."))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    """One gateway for all tests here: each brings a tenant of its own."""
    async with a_gateway(postgres_url) as running:
        yield running


async def somebody(gateway: Gateway) -> httpx.AsyncClient:
    """A client of the owner of a new tenant."""
    return await gateway.owner(f"studio {uuid4()}")


@pytest.mark.parametrize(
    ("name", "raw", "format_", "media_type"),
    [
        ("a.docx", DOCX, "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.fdx", FDX, "fdx", "application/xml"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nDéjà vu.\n".encode("cp1252"), "srt", "application/x-subrip"),
        ("a.csv", "Who,Line\r\nANNA,Hello.\r\n".encode("utf-16"), "csv", "text/csv; charset=utf-8"),
        ("a.md", b"# Act\n\n**ANNA:** Hello.\n", "markdown", "text/markdown; charset=utf-8"),
    ],
)
async def test_a_file_of_any_format_is_announced_as_what_it_is_and_comes_back_as_it_was(
    gateway: Gateway, name: str, raw: bytes, format_: str, media_type: str
) -> None:
    client = await somebody(gateway)

    script = json_of(await client.post("/v1/scripts", json={"filename": name, "content": b64encode(raw).decode()}), 201)

    content = await client.get(f"/v1/scripts/{script['id']}/content")
    fact = gateway.harness.facts(ScriptSubmitted)[-1]
    assert (script["format"], script["size_bytes"]) == (format_, len(raw))
    assert (content.content, content.headers["content-type"]) == (raw, media_type)
    assert (fact.read_as, fact.format, fact.filename) == (format_, "text", name)
    assert await gateway.harness.blobs.get_bytes(fact.key) == raw


async def test_which_column_holds_what_is_passed_on_with_the_table(gateway: Gateway) -> None:
    client = await somebody(gateway)
    columns = {"text": "Satz", "speaker": "2"}
    wanted = {"filename": "dub", "text": "Nr;Figur;Satz\n", "format": "csv", "columns": columns}

    script = json_of(await client.post("/v1/scripts", json=wanted), 201)

    fact = gateway.harness.facts(ScriptSubmitted)[-1]
    again = json_of(await client.get(f"/v1/scripts/{script['id']}"), 200)
    assert (script["format"], script["columns"]) == ("csv", columns)
    assert (fact.read_as, fact.columns) == ("csv", columns)
    assert again == script
    assert json_of(await client.get("/v1/scripts"), 200)["items"] == [script]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "Hello.", "content": "SGVsbG8u"},
        {"content": "SGVsbG8"},
        {"content": "not base64!"},
        {"content": ""},
        {"text": "a,b\n", "columns": {"speaker": "1"}},
        {"text": "a,b\n", "columns": {"text": "1", "colour": "2"}},
        {"text": "a,b\n", "columns": {"text": ""}},
        {"text": "Hello.", "format": "pdf"},
    ],
)
async def test_a_script_that_is_not_there_or_there_twice_is_refused(gateway: Gateway, body: dict[str, Any]) -> None:
    client = await somebody(gateway)

    answer = await client.post("/v1/scripts", json={"filename": "a", **body})

    assert json_of(answer, 422)["type"] == "/problems/invalid-request"


async def test_what_is_said_in_a_document_is_found_in_it(gateway: Gateway) -> None:
    client = await somebody(gateway)
    wide = "ANNA\nThe godwit flies.\n".encode("utf-16")
    titles = b"1\n00:00:01,000 --> 00:00:02,000\nThe curlew cries.\n"
    for name, raw in (
        ("a.docx", DOCX),
        ("b.fdx", FDX),
        ("c.txt", wide),
        ("d.srt", titles),
        ("e.docx", b"PK\x03\x04no"),
    ):
        body = {"filename": name, "content": b64encode(raw).decode()}
        json_of(await client.post("/v1/scripts", json=body), 201)
    harness = gateway.harness
    indexer = Indexer(harness.database, harness.blobs, gateway.use_cases.records_on, PostgresIndexQueue(), poll_s=0.01)

    while await indexer.round():
        pass

    for words, name in (("bittern", "a.docx"), ("heron", "b.fdx"), ("godwit", "c.txt"), ("curlew", "d.srt")):
        [hit] = json_of(await client.get("/v1/search", params={"q": words}), 200)["items"]
        assert hit["title"] == name
    assert json_of(await client.get("/v1/search", params={"q": "00:00:01"}), 200)["items"] == []


async def test_a_job_tells_what_the_films_file_is_called_and_where_its_timecode_begins(gateway: Gateway) -> None:
    client = await somebody(gateway)
    video = await gateway.video(client)
    script = await gateway.script(client)
    wanted = {"video_id": video["id"], "script_id": script["id"], "steps": ["alignment"]}

    job = json_of(await client.post("/v1/jobs", json={**wanted, "options": {"start_timecode": "01:00:00;00"}}), 202)
    bad = await client.post("/v1/jobs", json={**wanted, "options": {"start_timecode": "1 o'clock"}})

    fact = gateway.harness.facts(JobRequested)[-1]
    assert (fact.options.start_timecode, fact.film_name) == ("01:00:00;00", video["filename"])
    assert job["options"]["start_timecode"] == "01:00:00;00"
    assert json_of(bad, 422)["type"] == "/problems/invalid-request"
