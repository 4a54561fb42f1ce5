"""Searching what was said and written: on a real PostgreSQL, with real documents."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from chassis.database import UnitOfWork, fetch
from contracts.transcribe import TranscriptReady
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.postgres import search_queries as said
from gateway.adapters.postgres.search import PostgresIndexQueue
from gateway.adapters.postgres.tables import search_documents, search_spellings, search_words
from gateway.domain.search.passages import Passage
from gateway.ports.search import Claimed, Content
from gateway.usecases.back_fill import BackFill
from gateway.usecases.indexing import Indexer
from support.gateway_rig import Gateway, a_gateway, json_of

PLAY = """
Before we proceed any further, hear me speak. You are all resolved rather to die than to famish? First, you know Caius
Marcius is chief enemy to the people. Let us kill him, and we'll have corn at our own price. No more talking on it; let
it be done. One word, good citizens: we are accounted poor citizens, the patricians good. What authority surfeits on
would relieve us. Would you proceed especially against Caius Marcius Coriolanus? Against him first: he's a very dog.
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    """One gateway for the whole module: each test has a tenant of its own."""
    async with a_gateway(postgres_url) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def play(gateway: Gateway) -> httpx.AsyncClient:
    """A tenant with a play, for tests that only look."""
    client = await gateway.owner("a play")
    await spoken(gateway, client, PLAY)
    return client


pytestmark = pytest.mark.asyncio(loop_scope="module")


def transcript(text: str, language: str | None = "en") -> bytes:
    """A document as transcribe writes it, a word each half second."""
    words = [
        {"text": word, "start": n / 2, "end": n / 2 + 0.4, "probability": 0.9} for n, word in enumerate(text.split())
    ]
    document = {"language": language, "duration": len(words) / 2, "words": words, "segments": []}
    return json.dumps(document).encode()


async def spoken(
    gateway: Gateway, client: httpx.AsyncClient, text: str | bytes, *, language: str | None = "en", index: bool = True
) -> dict[str, Any]:
    """A job on a new video in which this is said; its transcript is indexed."""
    job = await gateway.job(client, (await gateway.ingested(client))["id"], ["transcript"])
    await hear(gateway, client, job, text, language=language)
    if index:
        await index_all(gateway)
    return job


async def hear(
    gateway: Gateway,
    client: httpx.AsyncClient,
    job: dict[str, Any],
    text: str | bytes,
    *,
    language: str | None = "en",
    run: int = 1,
) -> None:
    key = f"derived/t/{job['id']}/{run}/transcript.json"
    await gateway.harness.blobs.put_bytes(key, text if isinstance(text, bytes) else transcript(text, language))
    fact = TranscriptReady(
        video_id=UUID(job["video_id"]),
        run=run,
        key=key,
        audio_key=None,
        language=language,
        words=1,
        engine="e",
        model_sha256="m",
        seconds=1,
    )
    await gateway.hear(client, fact, subject=job["video_id"], job=job)


def an_indexer(gateway: Gateway) -> Indexer:
    return Indexer(
        gateway.harness.database,
        gateway.harness.blobs,
        gateway.use_cases.records_on,
        PostgresIndexQueue(),
        poll_s=0.01,
    )


async def index_all(gateway: Gateway) -> None:
    indexer = an_indexer(gateway)
    while await indexer.round():
        pass


async def written(gateway: Gateway, client: httpx.AsyncClient, text: str, filename: str = "play.txt") -> dict[str, Any]:
    script = json_of(await client.post("/v1/scripts", json={"filename": filename, "text": text}), 201)
    await index_all(gateway)
    return script


async def found(client: httpx.AsyncClient, q: str, **asked: str | int) -> list[dict[str, Any]]:
    return list((await searched(client, q, **asked))["items"])


async def searched(client: httpx.AsyncClient, q: str, **asked: str | int) -> dict[str, Any]:
    return json_of(await client.get("/v1/search", params={"q": q, **asked}), 200)


def marks(hits: Sequence[dict[str, Any]]) -> list[list[str]]:
    return [
        [hit["text"][mark["offset"] : mark["offset"] + mark["length"]] for mark in hit["highlights"]] for hit in hits
    ]


async def test_what_is_said_is_found_with_the_second_it_is_said_at(gateway: Gateway) -> None:
    client = await gateway.owner("seconds")
    job = await spoken(gateway, client, PLAY)

    [hit] = await found(client, "Coriolanus")

    place = PLAY.split().index("Coriolanus?") / 2
    assert (hit["kind"], hit["video_id"], hit["job_id"]) == ("transcript", job["video_id"], job["id"])
    assert [(mark["start"], mark["end"]) for mark in hit["highlights"]] == [(place, place + 0.4)]
    assert hit["start"] <= place < hit["end"]
    assert "<mark>Coriolanus</mark>?" in hit["snippet"]
    assert (hit["title"], hit["language"], hit["line"]) == ("clip", "en", None)


async def test_what_is_written_is_found_with_its_line_and_who_speaks(gateway: Gateway) -> None:
    client = await gateway.owner("lines")
    text = "FIRST CITIZEN\nBefore we proceed any further, hear me speak.\n\nALL\nSpeak, <b>speak</b>, to all of us.\n"
    script = await written(gateway, client, text)

    [first, second] = sorted(await found(client, "speak"), key=lambda hit: int(hit["line"]))

    assert (first["kind"], first["script_id"], first["title"]) == ("script", script["id"], "play.txt")
    assert [(hit["line"], hit["speaker"], hit["start"]) for hit in (first, second)] == [
        (1, "FIRST CITIZEN", None),
        (4, "ALL", None),
    ]
    assert second["snippet"] == ("ALL\n<mark>Speak</mark>, &lt;b&gt;<mark>speak</mark>&lt;/b&gt;, to all of us.")


@pytest.mark.parametrize(
    ("asked", "highlighted"),
    [
        ("coriolanis", "Coriolanus"),
        ("CORIOLANUS", "Coriolanus"),
        ("citzens", "citizens"),
        ("authortiy", "authority"),
        ("resolve", "resolved"),
        ("talk", "talking"),
        ("surf*", "surfeits"),
        ("talkin*", "talking"),
        ('"hear me speak"', "hear me speak"),
        ('"Caius Marcius Coriolanus"', "Caius Marcius Coriolanus"),
        ("coriolanus OR aufidius", "Coriolanus"),
    ],
)
async def test_what_is_meant_is_found(play: httpx.AsyncClient, asked: str, highlighted: str) -> None:
    hits = await found(play, asked)

    assert highlighted in {text.rstrip(".,?") for texts in marks(hits) for text in texts}


@pytest.mark.parametrize(
    "asked",
    [
        '"coriolanis"',
        '"me hear speak"',
        "coriolanus aufidius",
        "speak -before",
        "xylophone",
        "dogma",
        "aufi*",
        "'; DROP TABLE jobs; --",
    ],
)
async def test_what_is_not_meant_is_not_found(play: httpx.AsyncClient, asked: str) -> None:
    assert await found(play, asked) == []


async def test_a_word_that_hardly_occurs_is_looked_for_as_it_may_have_been_meant(play: httpx.AsyncClient) -> None:
    answer = await searched(play, "coriolanis")

    assert answer["corrections"] == [{"word": "coriolanis", "searched_for": ["coriolanus"]}]
    assert (await searched(play, "marcius"))["corrections"] == []


async def test_small_words_are_found_as_a_phrase(gateway: Gateway) -> None:
    client = await gateway.owner("to be")
    await spoken(gateway, client, "Well. To be, or not to be: that is the question. It is to be or it is not.")

    [hit] = await found(client, '"to be or not to be"')

    assert marks([hit]) == [["To be, or not to be"]]


async def test_a_phrase_is_found_across_the_cut_between_two_passages_and_once(gateway: Gateway) -> None:
    client = await gateway.owner("cut")
    await spoken(gateway, client, f"{'alpha ' * 38} hear me speak {'omega ' * 50}")

    [hit] = await found(client, '"hear me speak"')

    assert hit["text"].endswith("alpha hear me"), "the rest of the phrase is in the next passage"
    assert len(await found(client, "speak")) == 1


async def test_endings_are_those_of_the_documents_language(gateway: Gateway) -> None:
    client = await gateway.owner("languages")
    await spoken(gateway, client, "Die Häuser der Straße", language="de")
    await spoken(gateway, client, "les chevaux élevés du café", language="fr")
    await spoken(gateway, client, "東京タワーに行きました", language="ja")

    languages = {
        asked: [hit["language"] for hit in await found(client, asked)]
        for asked in ("haus", "strasse", "cheval", "eleve", "cafe", "タワー", "houses")
    }

    assert languages == {
        "haus": ["de"],
        "strasse": ["de"],
        "cheval": ["fr"],
        "eleve": ["fr"],
        "cafe": ["fr"],
        "タワー": ["ja"],
        "houses": [],
    }
    assert await found(client, "haus", language="fr") == []


async def test_the_language_of_a_script_is_guessed(gateway: Gateway) -> None:
    client = await gateway.owner("guess")
    await written(gateway, client, "Was ist das? Ich weiß es nicht, und die Häuser sind es auch nicht für mich.")

    assert [hit["language"] for hit in await found(client, "haus")] == ["de"]


async def test_one_may_look_in_one_place_only(gateway: Gateway) -> None:
    client = await gateway.owner("places")
    first = await spoken(gateway, client, "hear me")
    await spoken(gateway, client, "hear us")
    script = await written(gateway, client, "Hear them, and the others.")

    def count(hits: list[dict[str, Any]]) -> int:
        return len(hits)

    assert count(await found(client, "hear")) == 3
    assert [hit["text"] for hit in await found(client, "hear", video_id=first["video_id"])] == ["hear me"]
    assert count(await found(client, "hear", **{"in": "transcripts"})) == 2
    assert count(await found(client, "hear", **{"in": "scripts"})) == 1
    assert count(await found(client, "hear", **{"in": "scripts,transcripts"})) == 3
    assert count(await found(client, "hear", script_id=script["id"])) == 1
    assert count(await found(client, "hear", video_id=str(uuid4()))) == 0


async def test_the_best_comes_first_and_pages_hold_every_hit_once_while_new_ones_arrive(gateway: Gateway) -> None:
    client = await gateway.owner("pages")
    await spoken(gateway, client, "\n".join(f"drum {'drum ' * (n % 3)} {'roll. ' * 30}" for n in range(45)))
    everything = await found(client, "drum", limit=100)

    pages, cursor = [], None
    while True:
        answer = await searched(client, "drum", limit=7, **({"cursor": cursor} if cursor else {}))
        pages.append(answer["items"])
        cursor = answer["next_cursor"]
        if cursor is None:
            break
        if len(pages) == 2:
            await spoken(gateway, client, "drum drum drum")

    scores = [hit["score"] for hit in everything]
    assert len(everything) == 45
    assert scores == sorted(scores, reverse=True)
    assert [hit["start"] for page in pages for hit in page] == [hit["start"] for hit in everything]


@pytest.mark.parametrize("walked", [True, False])
async def test_more_hits_than_are_ranked_at_once_are_all_reached(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, walked: bool
) -> None:
    monkeypatch.setattr("gateway.adapters.postgres.search._WINDOW", 10)
    monkeypatch.setattr("gateway.adapters.postgres.search._WALKED_WINDOW", 8)
    monkeypatch.setattr("gateway.usecases.search._READ_FOR_ONE", 1 if walked else 1000)
    client = await gateway.owner(f"windows {walked}")
    await spoken(gateway, client, "\n".join(f"drum {n} {'roll. ' * 30}" for n in range(25)))

    hits, cursor = [], None
    while True:
        answer = await searched(client, "drum", limit=4, **({"cursor": cursor} if cursor else {}))
        hits += answer["items"]
        cursor = answer["next_cursor"]
        if cursor is None:
            break

    assert len(hits) == len({hit["start"] for hit in hits}) == 25


@pytest.mark.parametrize(
    "asked",
    [
        {"q": ""},
        {"q": "  "},
        {"q": "-only"},
        {"q": "a\x00b"},
        {"q": "x" * 257},
        {"q": "x", "in": "films"},
        {"q": "x", "in": "scripts,"},
        {"q": "x", "cursor": "?"},
        {"q": "x", "cursor": "aaaa"},
        {"q": "x", "cursor": "x" * 65},
        {"q": "x", "limit": "0"},
        {"q": "x", "limit": "101"},
        {"q": "x", "video_id": "1"},
        {"q": "x", "language": "English"},
        {},
    ],
)
async def test_a_question_that_makes_no_sense_is_a_problem(play: httpx.AsyncClient, asked: dict[str, str]) -> None:
    answer = await play.get("/v1/search", params=asked)

    assert answer.headers["content-type"] == "application/problem+json"
    assert json_of(answer, 422)["errors"]


@pytest.mark.parametrize("cursor", ["A" * 32, "_" * 32, "f" + "_" * 31])
async def test_a_cursor_somebody_made_up_leads_to_hits_or_to_none(play: httpx.AsyncClient, cursor: str) -> None:
    assert (await play.get("/v1/search", params={"q": "speak", "cursor": cursor})).status_code == 200


async def test_what_another_tenant_said_is_neither_found_nor_suggested(gateway: Gateway) -> None:
    await spoken(gateway, await gateway.owner("secretive"), "Project Nightingale is secret, and so is Zanzibar.")
    stranger = await gateway.owner("curious")
    await spoken(gateway, stranger, "Nothing of the kind.")

    for asked in ("nightingale", "nightingal", "night*", '"project nightingale"'):
        answer = await searched(stranger, asked)
        assert (answer["items"], answer["corrections"]) == ([], []), asked


async def test_a_new_run_replaces_what_was_indexed_and_an_old_one_that_comes_late_does_not(gateway: Gateway) -> None:
    client = await gateway.owner("runs")
    first = await spoken(gateway, client, "one two three")
    second = await gateway.job(client, first["video_id"], ["transcript"])

    await hear(gateway, client, second, "four five six")
    await index_all(gateway)
    await hear(gateway, client, first, "seven eight nine")
    await index_all(gateway)

    assert [hit["job_id"] for hit in await found(client, "five")] == [second["id"]]
    assert await found(client, "two") == await found(client, "eight") == []


async def test_an_erased_video_is_not_found_and_its_words_are_forgotten(gateway: Gateway) -> None:
    client = await gateway.owner("erased")
    job = await spoken(gateway, client, "Honorificabilitudinitatibus, said Costard.")
    await spoken(gateway, client, "Costard said it.")

    json_of(await client.delete(f"/v1/videos/{job['video_id']}"), 202)

    assert await found(client, "honorificabilitudinitatibus") == []
    assert len(await found(client, "costard")) == 1
    assert await known_words(gateway, client) == {"costard": 1, "it": 1, "said": 1}
    assert await known_spellings(gateway, client, "honorificabilitudinitatibus") == []
    assert await known_spellings(gateway, client, "costart") == ["costard"]


async def known_words(gateway: Gateway, client: httpx.AsyncClient) -> dict[str, int]:
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    async with gateway.harness.database.read(tenant_id) as connection:
        rows = (await connection.execute(select(search_words.c.word, search_words.c.passages))).all()
    return {row.word: row.passages for row in rows}


async def known_spellings(gateway: Gateway, client: httpx.AsyncClient, word: str) -> list[str]:
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    async with gateway.harness.database.read(tenant_id) as connection:
        await connection.execute(said.SPELL.query, {"word": word})
        return list((await connection.execute(select(search_spellings.c.word))).scalars())


async def documents(gateway: Gateway, client: httpx.AsyncClient) -> list[Any]:
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    async with gateway.harness.database.read(tenant_id) as connection:
        return list((await connection.execute(select(search_documents))).all())


async def test_a_video_that_is_erased_while_it_is_indexed_is_not_found_either(gateway: Gateway) -> None:
    client = await gateway.owner("in the middle")
    job = await spoken(gateway, client, "gone with the wind", index=False)
    indexer = an_indexer(gateway)
    read = gateway.harness.blobs.get_bytes

    async def read_slowly(key: str) -> bytes:
        json_of(await client.delete(f"/v1/videos/{job['video_id']}"), 202)
        return await read(key)

    indexer._blobs = type("Slow", (), {"get_bytes": staticmethod(read_slowly), "stat": gateway.harness.blobs.stat})()
    assert await indexer.round()

    assert await documents(gateway, client) == []
    assert await known_words(gateway, client) == {}


async def test_a_transcript_nobody_waits_for_is_not_indexed(gateway: Gateway) -> None:
    client = await gateway.owner("cancelled")
    job = await gateway.job(client, (await gateway.ingested(client))["id"], ["transcript"])
    json_of(await client.post(f"/v1/jobs/{job['id']}/cancel"), 202)

    await hear(gateway, client, job, "too late")

    assert await documents(gateway, client) == []


async def test_a_document_that_cannot_be_read_holds_nobody_up(gateway: Gateway) -> None:
    client = await gateway.owner("poison")
    await spoken(gateway, client, b'{"words": "none"', index=False)
    job = await gateway.job(client, (await gateway.ingested(client))["id"], ["transcript"])
    await hear(gateway, client, job, "lost bytes")
    await gateway.harness.blobs.delete(f"derived/t/{job['id']}/1/transcript.json")
    await spoken(gateway, client, "sound and whole", index=False)

    await index_all(gateway)

    assert len(await found(client, "sound")) == 1
    poison, missing, _ = sorted(await documents(gateway, client), key=lambda row: row.state)
    assert (poison.state, missing.state) == ("failed", "indexed")
    assert "ValidationError" in poison.error


async def test_a_document_whose_bytes_come_back_is_indexed_after_all(gateway: Gateway) -> None:
    client = await gateway.owner("comes back")
    job = await spoken(gateway, client, "better late than never", index=False)
    key = f"derived/t/{job['id']}/1/transcript.json"
    kept = await gateway.harness.blobs.get_bytes(key)
    await gateway.harness.blobs.delete(key)
    await index_all(gateway)
    before = await found(client, "never")
    await gateway.harness.blobs.put_bytes(key, kept)

    assert await BackFill(gateway.harness.database, gateway.use_cases.records_on)(again=False) >= 1
    await index_all(gateway)

    assert (before, len(await found(client, "never"))) == ([], 1)


async def test_indexers_at_once_take_each_document_once(gateway: Gateway) -> None:
    client = await gateway.owner("at once")
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    for n in range(6):
        await spoken(gateway, client, f"number {n}", index=False)

    async def claim() -> Claimed | None:
        async with gateway.harness.database.begin_untenanted() as connection:
            return await PostgresIndexQueue().claim(connection, lease_s=60)

    claims = [one for one in await asyncio.gather(*(claim() for _ in range(12))) if one and one.tenant_id == tenant_id]

    assert len(claims) == len({one.document_id for one in claims}) == 6


async def test_what_a_replica_that_died_was_indexing_is_indexed_by_another(gateway: Gateway) -> None:
    client = await gateway.owner("died")
    await spoken(gateway, client, "left behind", index=False)
    async with gateway.harness.database.begin_untenanted() as connection:
        dead = await PostgresIndexQueue().claim(connection, lease_s=-1)  # its lease has run out
    assert dead is not None

    await index_all(gateway)
    async with gateway.harness.database.begin(dead.tenant_id) as work:
        awake = await PostgresRecords(work.connection).search.give_up(dead, "it woke up and believes it is its own")

    assert len(await found(client, "behind")) == 1
    assert not awake


async def test_what_was_there_before_the_index_is_indexed_by_the_command(gateway: Gateway) -> None:
    client = await gateway.owner("old")
    await spoken(gateway, client, "from the old days", index=False)
    await client.post("/v1/scripts", json={"filename": "old.txt", "text": "Old lines of the old days."})
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    async with gateway.harness.database.begin(tenant_id) as work:
        await work.connection.execute(search_documents.delete())

    await BackFill(gateway.harness.database, gateway.use_cases.records_on)(again=False)
    noted = await documents(gateway, client)
    await BackFill(gateway.harness.database, gateway.use_cases.records_on)(again=False)
    await index_all(gateway)

    assert sorted(one.kind for one in noted) == ["script", "transcript"]
    assert sorted(hit["kind"] for hit in await found(client, "days")) == ["script", "transcript"]
    assert len(await documents(gateway, client)) == 2


async def test_everything_can_be_indexed_anew_and_is_there_once(gateway: Gateway) -> None:
    client = await gateway.owner("anew")
    await spoken(gateway, client, "twice told tales")

    await BackFill(gateway.harness.database, gateway.use_cases.records_on)(again=True)
    await index_all(gateway)

    assert len(await found(client, "twice")) == 1
    assert await known_words(gateway, client) == {"tales": 1, "told": 1, "twice": 1}


async def test_the_service_indexes_by_itself(gateway: Gateway) -> None:
    owners = {type(part.__self__) for part in gateway.harness.service.background}  # type: ignore[attr-defined]

    assert Indexer in owners


MANY = """
INSERT INTO search_documents (id, kind, key, run) VALUES (gen_random_uuid(), 'script', 'k', 1);
INSERT INTO search_passages (document_id, text, words)
SELECT document.id, '', array_to_tsvector(ARRAY['a' || n]) FROM search_documents document, generate_series(1, 3000) n;
INSERT INTO search_words (language, word, lexeme, passages)
SELECT 'en', 'word' || n, 'word' || n, 1 FROM generate_series(1, 3000) n;
INSERT INTO search_spellings (language, word) SELECT language, word FROM search_words;
"""


async def test_the_wall_lets_the_index_answer(gateway: Gateway) -> None:
    """PostgreSQL would use no index for these conditions if they stood in the query, behind the wall."""
    async with gateway.harness.database.begin(uuid4()) as work:
        for statement in MANY.split(";")[:-1]:
            await work.connection.exec_driver_sql(statement)

        await fetch(work.connection, said.ASK, query="'a7'", walking="off", by_index="on")
        await fetch(work.connection, said.SPELL, word="word77")
        answers = [await explained(work, f"SELECT * FROM {table}") for table in ("search_passages", "search_spellings")]
        behind = await explained(work, "SELECT * FROM search_words WHERE word % 'word77'")

    assert "Index Cond: ((tenant_id = $0) AND (words @@ $1))" in answers[0]
    assert "Index Cond: ((tenant_id = $0) AND (word % $1))" in answers[1]
    assert "%" not in "".join(line for line in behind if "Index Cond" in line)


async def explained(work: UnitOfWork, query: str) -> list[str]:
    plan = (await work.connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {query}")).scalars().all()
    return [line.strip() for line in plan]


async def test_nothing_of_an_erased_tenant_is_left_in_the_index(gateway: Gateway) -> None:
    client, other = await gateway.owner("erased whole"), await gateway.owner("stays")
    for one in (client, other):
        await spoken(gateway, one, "Shibboleth was the word.")
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])

    async with gateway.harness.database.begin(tenant_id) as work:
        names = await work.connection.exec_driver_sql("SELECT relname FROM pg_class WHERE relname NOT LIKE 'search_%%'")
        await work.empty_tables(but=set(names.scalars()))

    assert await documents(gateway, client) == []
    assert await known_words(gateway, client) == {}
    assert await known_spellings(gateway, client, "shibboleth") == []
    assert await found(client, "shibboleth") == []
    assert len(await found(other, "shibbolet")) == 1


async def test_what_is_erased_while_it_is_being_indexed_is_not_found_afterwards(gateway: Gateway) -> None:
    client = await gateway.owner("erased in the middle")
    job = await spoken(gateway, client, PLAY)
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    database, records_on = gateway.harness.database, gateway.use_cases.records_on
    async with database.begin(tenant_id) as work:
        await records_on(work.connection).search.note_missing(again=True)
    async with database.begin_untenanted() as connection:
        claim = await PostgresIndexQueue().claim(connection, lease_s=60)
    assert claim is not None
    async with database.read(tenant_id) as connection:
        document = await records_on(connection).search.claimed(claim)
    assert document is not None

    async with database.begin(tenant_id) as work:
        content = Content("en", [Passage("Coriolanus", ("coriolanus",))], {"coriolanus": "coriolanus"})
        assert await records_on(work.connection).search.replace(claim, document, content)
        erasing = asyncio.create_task(client.delete(f"/v1/videos/{job['video_id']}"))
        await asyncio.sleep(0.3)

    assert (await erasing).status_code == 202
    assert await found(client, "coriolanus") == []
    async with database.read(tenant_id) as connection:
        assert (await connection.execute(select(search_words))).all() == []


async def test_a_phrase_of_small_words_is_found_by_pairs_of_them_once_all_of_its_language_has_them(
    gateway: Gateway, postgres_url: str
) -> None:
    client = await gateway.owner("pairs of small words")
    tenant_id = json_of(await client.get("/v1/me"), 200)["tenant_id"]
    await spoken(gateway, client, "He asks whether to be or not to be, and that is all of it.")
    await spoken(gateway, client, "That which is to be done, or not, we are to do at once; be it so.")
    phrases = ('"to be or not"', '"be or"', '"whether to be"', 'he "to be" -"of it"')

    counts = [len(await found(client, phrase)) for phrase in phrases]
    admin = await asyncpg.connect(
        postgres_url, database=str(gateway.harness.service.settings.database_url).rpartition("/")[2]
    )
    try:
        stripped = "UPDATE gateway.search_passages SET words = ts_delete(words, $2::text[]) WHERE tenant_id = $1"
        await admin.execute(stripped, UUID(tenant_id), ["=to be", "=be or"])
        without = [len(await found(client, phrase)) for phrase in phrases]
        # As one that was indexed before there were pairs, of the same language: it must be found too.
        older = "UPDATE gateway.search_documents SET paired = false WHERE tenant_id = $1"
        await admin.execute(older, UUID(tenant_id))
        meanwhile = [len(await found(client, phrase)) for phrase in phrases]
    finally:
        await admin.close()

    assert counts == meanwhile == [1, 1, 1, 0]
    assert without == [0, 0, 0, 0]
