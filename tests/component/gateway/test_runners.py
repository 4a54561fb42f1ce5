"""Runners: invited here, passed on to the upscale service, shown as that says they are."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from sqlalchemy import text

from chassis.testing import Harness, harness
from contracts.event import Fact
from contracts.runners import RunnerChanged, RunnerInvited, RunnerReleased, RunnerRevoked, RunnerRotated, RunnerSteered
from gateway.adapters.postgres import PostgresRecords
from gateway.domain.access import Role
from matchcut.client import Credentials, Forbidden, Matchcut
from support.gateway_rig import Gateway, a_gateway, json_of
from support.served_gateway import served_gateway
from upscale.adapters.postgres_runners import PostgresRunnerRecords
from upscale.domain.runners import PROTOCOL
from upscale.main import build as build_upscale
from upscale.ports.runners import Offer
from upscale.settings import Settings as UpscaleSettings

pytestmark = [pytest.mark.servers]


@asynccontextmanager
async def served_upscale(postgres_url: str) -> AsyncIterator[tuple[Harness, str]]:
    """The service that knows runners, and where it answers."""
    async with harness(
        "upscale", build_upscale, settings=UpscaleSettings, admin_url=postgres_url, runner_secret="x" * 32
    ) as upscale:
        app = upscale.service.app
        server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="error"))
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(30):
            while not server.started:  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(0.02)
        try:
            yield upscale, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


async def carry(from_: Harness, to: Harness, *kinds: type[Fact]) -> None:
    """What one service announced, as the bus would bring it to the other."""
    for event in list(from_.announced):
        if isinstance(event.data, kinds):
            await to.hear(event.data, subject=event.subject, tenant_id=event.tenantid, event_id=event.id)


async def test_a_machine_is_invited_registers_through_the_gateway_and_is_seen_kept_out_and_let_in(
    postgres_url: str,
) -> None:
    async with served_upscale(postgres_url) as (upscale, url), a_gateway(postgres_url, upscale_url=url) as gateway:
        owner = await gateway.owner()
        made = json_of(await owner.post("/v1/runners", json={"labels": ["t4"]}), 201)
        runner = f"/v1/runners/{made['runner']['id']}"
        await carry(gateway.harness, upscale, RunnerInvited)
        nobody = gateway.anonymous()

        body = {"token": made["token"], "name": "attic", "protocol": PROTOCOL, "capabilities": {"gpu": "Tesla T4"}}
        registered = json_of(await nobody.post("/v1/runner/register", json=body), 201)
        again = await nobody.post("/v1/runner/register", json=body)
        nobody.headers["Authorization"] = f"Bearer {registered['secret']}"
        idle = await nobody.post("/v1/runner/claims", json={"protocol": PROTOCOL, "wait_s": 0})
        await carry(upscale, gateway.harness, RunnerChanged)
        seen = json_of(await owner.get(runner), 200)
        json_of(await owner.post(f"{runner}/rotate"), 202)
        await carry(gateway.harness, upscale, RunnerRotated)
        told = await nobody.post("/v1/runner/claims", json={"protocol": PROTOCOL, "wait_s": 0})
        revoked = await owner.delete(runner)
        await carry(gateway.harness, upscale, RunnerRevoked, RunnerReleased)
        refused = await nobody.post("/v1/runner/claims", json={"protocol": PROTOCOL, "wait_s": 0})
        gone = json_of(await owner.get(runner), 200)

    assert registered["runner_id"] == made["runner"]["id"]
    assert (again.status_code, again.headers["content-type"]) == (401, "application/problem+json")
    assert idle.status_code == 204
    assert (seen["state"], seen["name"], seen["machine"]) == ("online", "attic", "Tesla T4")
    assert (told.status_code, told.headers["runner-rotate"]) == (204, "true")
    assert revoked.status_code == 204
    assert refused.status_code == 401
    assert gone["state"] == "revoked"


async def a_place(upscale: Harness) -> str:
    """A key under which a living lease hands in its chunk."""
    key, chunk_id = "scratch/t/chunk.mp4", uuid4()
    rows = PostgresRunnerRecords
    offer = Offer(chunk_id, upscale.tenant_id, uuid4(), 1, uuid4(), "m", 0, 24, "s", "colab", "normal", state="leased")
    async with upscale.database.begin(upscale.tenant_id) as work:
        await rows(work.connection).offer(offer, to_pool_after_s=None)
        lease = {"chunk": chunk_id, "tenant": upscale.tenant_id, "runner": uuid4(), "key": key}
        await work.connection.execute(
            text(
                "INSERT INTO leases (chunk_id, token, tenant_id, runner_id, state, lease_until, output_key)"
                " VALUES (:chunk, 1, :tenant, :runner, 'working', now() + interval '1 minute', :key)"
            ),
            lease,
        )
    return key


async def test_a_chunk_of_many_bytes_streams_through_and_comes_back_in_ranges(postgres_url: str) -> None:
    async with (
        served_upscale(postgres_url) as (upscale, url),
        served_gateway(postgres_url, upscale_url=url, max_body_bytes=1000) as (_, public),
        httpx.AsyncClient(base_url=public, trust_env=False) as client,
    ):
        key = await a_place(upscale)
        addresses = upscale.service.app.state.addresses
        content = bytes(range(256)) * 8192
        put = await addresses.to_write(key)
        cut, total = 1 << 20, len(content)

        first = await client.put(put, content=content[:cut], headers={"Content-Range": f"bytes 0-{cut - 1}/{total}"})
        rest = {"Content-Range": f"bytes {cut}-{total - 1}/{total}"}
        last = await client.put(put, content=content[cut:], headers=rest)
        get = await addresses.to_read(key)
        part = await client.get(get, headers={"Range": f"bytes={cut}-{cut + 9}"})
        around = [await client.get(f"/v1/runner/{way}/metrics") for way in ("%2e%2e/%2e%2e", "x/%2E%2e/%2e./..")]
        long = await client.post("/v1/runner/claims", content=json.dumps({"x": "y" * 2000}))

    assert (first.status_code, first.headers["range"]) == (308, f"bytes=0-{cut - 1}")
    assert last.status_code == 200
    assert (part.status_code, part.content) == (206, content[cut : cut + 10])
    assert long.status_code == 413
    assert [answer.status_code for answer in around] == [404, 404]


async def test_where_no_upscale_service_is_named_or_answers_runners_are_told_so(postgres_url: str) -> None:
    async with a_gateway(postgres_url) as without, a_gateway(postgres_url, upscale_url="http://127.0.0.1:9") as away:
        nowhere = await without.anonymous().post("/v1/runner/claims", json={})
        down = await away.anonymous().post("/v1/runner/claims", json={})

    assert (nowhere.status_code, nowhere.json()["type"]) == (404, "/problems/not-found")
    assert (down.status_code, down.json()["type"]) == (503, "/problems/unavailable")
    assert down.headers["retry-after"] == "5"


@pytest.fixture
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    async with a_gateway(postgres_url) as running:
        yield running


async def test_only_the_operator_s_tenant_invites_machines_that_see_everybody_s_films(
    gateway: Gateway, postgres_url: str
) -> None:
    owner = await gateway.owner()
    refused = await owner.post("/v1/runners", json={"scope": "shared"})
    async with a_gateway(postgres_url, pool_tenant=UUID(int=7)) as other:
        async with other.harness.database.begin(UUID(int=7)) as work:
            await PostgresRecords(work.connection).people.add_tenant(UUID(int=7), "operator")
        operator = await other.client(await other.user(UUID(int=7)))
        made = await operator.post("/v1/runners", json={"scope": "shared"})

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    assert json_of(made, 201)["runner"]["scope"] == "shared"


async def test_the_token_is_shown_once_kept_nowhere_and_told_as_a_digest(gateway: Gateway) -> None:
    owner = await gateway.owner()

    made = json_of(await owner.post("/v1/runners", json={}, headers={"Idempotency-Key": "a"}), 201)
    again = json_of(await owner.post("/v1/runners", json={}, headers={"Idempotency-Key": "a"}), 201)
    listed = (await owner.get("/v1/runners")).text
    async with gateway.harness.database.begin_untenanted() as connection:
        said = (await connection.exec_driver_sql("SELECT string_agg(body, ' ') FROM outbox")).scalar()

    assert made == again
    assert made["token"] not in listed
    assert made["token"] not in str(said)
    assert len(gateway.harness.facts(RunnerInvited)) == 1


async def test_what_a_machine_is_told_is_shown_announced_and_the_tenant_s_own_affair(gateway: Gateway) -> None:
    owner, stranger = await gateway.owner(), await gateway.owner("other")
    made = json_of(await owner.post("/v1/runners", json={}), 201)
    runner = f"/v1/runners/{made['runner']['id']}"

    told = [
        json_of(await owner.post(f"{runner}/{verb}"), 202)["wish"] for verb in ("pause", "drain", "resume", "drain")
    ]
    refused = await stranger.post(f"{runner}/drain")
    seen = json_of(await owner.get(runner), 200)

    assert told == ["pause", "drain", "work", "drain"]
    assert [fact.wish for fact in gateway.harness.facts(RunnerSteered)] == told
    assert refused.status_code == 404
    assert seen["wish"] == "drain"


async def test_editors_have_no_say_over_machines(gateway: Gateway) -> None:
    tenant = await gateway.tenant("studio")
    editor = await gateway.client(await gateway.user(tenant, Role.EDITOR))

    answers = [await editor.post("/v1/runners", json={}), await editor.get("/v1/runners")]

    assert [answer.status_code for answer in answers] == [403, 403]


async def test_the_client_invites_lists_and_revokes(postgres_url: str, tmp_path: Path) -> None:
    async with served_gateway(postgres_url) as (gateway, url):
        caller = await gateway.user(await gateway.tenant("studio"))
        token = await gateway.use_cases.accounts.tokens.issue(caller, lifetime_s=900)

        def use() -> tuple[str, Sequence[str], str]:
            with Matchcut(url, Credentials("", "", token)) as client:
                made = client.runners.invite(labels=["t4"])
                client.runners.release(made.runner.id)
                client.runners.rotate(made.runner.id)
                steered = [getattr(client.runners, verb)(made.runner.id).wish for verb in ("pause", "drain", "resume")]
                assert steered == ["pause", "drain", "work"]
                client.runners.revoke(made.runner.id)
                with pytest.raises(Forbidden):
                    client.runners.invite(scope="shared")
                states = [runner.state for runner in client.runners.list()]
                return made.token, states, client.runners.get(made.runner.id).state

        shown, states, state = await asyncio.to_thread(use)

    assert shown.startswith("mct_")
    assert states == ["revoked"]
    assert state == "revoked"


async def test_an_answer_that_breaks_off_leaves_no_signed_address_in_the_log(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
        await writer.drain()
        writer.close()

    upstream = await asyncio.start_server(break_off, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
    async with upstream, served_gateway(postgres_url, upscale_url=url) as (_, public), httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"{public}/v1/runner/bytes/what-it-allows/its-proof")

    logged = str([vars(record) for record in caplog.records])
    assert "a request failed" in caplog.text
    assert "/v1/runner/bytes" in logged
    assert "its-proof" not in logged
