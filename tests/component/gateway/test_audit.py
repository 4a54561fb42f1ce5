"""The audit: everything that changes something is in it, nobody can take it out, and nothing secret is in it."""

import csv
from itertools import chain, repeat
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.audit import PostgresAudit
from gateway.domain.access import Role
from gateway.usecases import audit as audit_log
from support.gateway_rig import PASSWORD, Gateway, a_gateway, json_of
from support.route_walk import GUARDED, ask, asked_of, someones_things

WRITES = ("POST", "PUT", "PATCH", "DELETE")
OWNER = "somebody@example.org"


async def lines(client: httpx.AsyncClient, **asked: str) -> list[dict[str, Any]]:
    """The audit, newest first, without the reading of it."""
    items = json_of(await client.get("/v1/audit", params={"limit": "100", **asked}), 200)["items"]
    return [item for item in items if item["action"] != "read_audit"]


async def signed_in(gateway: Gateway, email: str = OWNER) -> httpx.AsyncClient:
    client = gateway.anonymous()
    form = {"grant_type": "password", "username": email, "password": PASSWORD}
    token = json_of(await client.post("/v1/auth/token", data=form), 200)["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


async def test_every_route_that_writes_leaves_a_line_with_what_came_of_it(gateway: Gateway) -> None:
    ids = await someones_things(gateway)
    tenant_id = UUID(ids["tenant_id"])
    walked = sorted(
        ((method, route) for method, route in GUARDED if method in WRITES),
        key=lambda one: (one[0] == "DELETE", "user" in one[1].path, one[1].path),  # what is deleted is not found after
    )
    done = []

    for method, route in walked:
        caller = await gateway.user(tenant_id)
        client = await gateway.client(caller)
        asked = asked_of(method, route, ids)
        answer = await ask(client, gateway.app, asked)
        found = await lines(client, user_id=str(caller.user_id))
        expected = "done" if answer.status_code < 400 else "refused"
        said = [(line["action"], line["outcome"], line["trace_id"]) for line in found]
        where = f"{method} {route.path} {answer.text}"
        assert said == [(route.name, expected, answer.headers["x-request-id"])], where
        assert (found[0]["method"], found[0]["resource"]) == (method, asked.url.partition("?")[0])
        done += [route.name] * (expected == "done")

    assert len(done) >= 18, done
    assert {"submit_script", "submit_video", "request_job", "erase_video", "make_api_key", "remove_webhook"} <= set(
        done
    )


async def test_what_was_made_and_by_whom_and_from_where_is_written_down(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER)
    client = await signed_in(gateway)
    wanted = {"filename": "a.txt", "text": "TO BE OR NOT"}

    script = json_of(await client.post("/v1/scripts", json=wanted, headers={"User-Agent": "a tool/1.0"}), 201)
    [line, signing_in] = await lines(client)

    [session] = json_of(await client.get("/v1/me/sessions"), 200)["items"]
    assert (line["action"], line["resource"], line["resource_id"]) == ("submit_script", "/v1/scripts", script["id"])
    assert (line["user_id"], line["session_id"], line["key_id"]) == (str(caller.user_id), session["id"], None)
    assert (line["address"], line["agent"]) == ("127.0.0.1", "a tool/1.0")
    assert (line["outcome"], line["status"]) == ("done", None)
    assert (signing_in["action"], signing_in["session_id"]) == ("issue_token", session["id"])
    assert "TO BE" not in str(line)
    assert PASSWORD not in str(signing_in)


async def test_a_program_is_named_by_its_key_and_a_dead_key_is_noted(gateway: Gateway) -> None:
    client = await gateway.owner()
    made = json_of(await client.post("/v1/api-keys", json={"name": "a", "scopes": ["jobs:read"]}), 201)
    program = gateway.anonymous()
    program.headers["Authorization"] = f"Bearer {made['secret']}"

    beyond = await program.post("/v1/scripts", json={"filename": "a", "text": "b"})
    json_of(await client.get("/v1/api-keys"), 200)
    assert (await client.delete(f"/v1/api-keys/{made['api_key']['id']}")).status_code == 204
    dead = await program.get("/v1/jobs")

    refused = await lines(client, outcome="refused")
    key = made["api_key"]["id"]
    assert (beyond.status_code, dead.status_code) == (403, 401)
    assert [(line["action"], line["status"], line["key_id"]) for line in refused] == [
        ("list_jobs", 401, key),
        ("submit_script", 403, key),
    ]
    assert made["secret"] not in str(await lines(client))


async def test_failed_sign_ins_a_stolen_refresh_token_and_an_ended_session_are_noted(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER)
    reader = await gateway.client(caller)
    form = {"grant_type": "password", "username": OWNER, "password": PASSWORD}
    wrong = await reader.post("/v1/auth/token", data={**form, "password": "a guess of mine"})
    grant = json_of(await reader.post("/v1/auth/token", data=form), 200)
    again = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
    json_of(await reader.post("/v1/auth/token", data=again), 200)
    stolen = await reader.post("/v1/auth/token", data=again)
    ended = await gateway.anonymous().get("/v1/me", headers={"Authorization": f"Bearer {grant['access_token']}"})

    found = await lines(reader)

    assert (wrong.status_code, stolen.status_code, ended.status_code) == (400, 400, 401)
    assert [(line["action"], line["outcome"], line["status"]) for line in found] == [
        ("read_me", "refused", 401),
        ("issue_token", "refused", 400),
        ("issue_token", "done", None),
        ("issue_token", "done", None),
        ("issue_token", "done", None),
        ("issue_token", "refused", 400),
    ]
    assert found[2]["remark"] == "a refresh token came twice; its session is ended"
    assert {line["user_id"] for line in found} == {str(caller.user_id)}
    assert "a guess of mine" not in str(found)


async def test_reads_of_contents_are_noted_once_a_minute_and_lists_are_not(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    script = await gateway.script(client)
    before = len(await lines(client))

    for range_ in ("bytes=0-3", "bytes=4-7", "bytes=2-"):
        answer = await client.get(f"/v1/videos/{video['id']}/original", headers={"Range": range_})
        assert answer.status_code == 206
    await client.get(f"/v1/scripts/{script['id']}/content")
    await client.get("/v1/videos")
    await client.get(f"/v1/videos/{video['id']}")

    found = await lines(client)
    assert [(line["action"], line["resource_id"]) for line in found[: len(found) - before]] == [
        ("read_script_content", script["id"]),
        ("read_original", video["id"]),
    ]


async def test_what_cannot_be_written_down_is_not_handed_out(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await gateway.owner()
    script = await gateway.script(client)

    async def away(*_: object) -> None:
        raise ConnectionError("the server is gone")

    monkeypatch.setattr(PostgresAudit, "add", away)
    answer = await client.get(f"/v1/scripts/{script['id']}/content")
    refused = await client.get(f"/v1/scripts/{UUID(int=1)}")

    assert json_of(answer, 503)["type"] == "/problems/unavailable"
    assert "Hello" not in answer.text
    assert refused.status_code == 404, "a refusal hands nothing out"


async def test_a_change_and_its_line_are_one_commit(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)
    me = json_of(await client.get("/v1/me"), 200)

    last = await client.delete(f"/v1/users/{me['id']}")
    known = await lines(client, action="remove_user")

    async def away(*_: object) -> None:
        raise ConnectionError("the server is gone")

    with monkeypatch.context() as patched:
        patched.setattr(PostgresAudit, "add", away)
        answer = await client.delete(f"/v1/uploads/{upload['id']}")
    still = await client.get(f"/v1/uploads/{upload['id']}")

    assert (answer.status_code, still.status_code) == (503, 200)
    assert last.status_code == 409
    assert [(line["outcome"], line["status"]) for line in known] == [("refused", 409)]


async def test_a_repeated_request_is_noted_as_what_it_is(gateway: Gateway) -> None:
    client = await gateway.owner()
    body, once = {"filename": "a.mp4"}, {"Idempotency-Key": "once"}

    first = json_of(await client.post("/v1/uploads", json=body, headers=once), 201)
    second = json_of(await client.post("/v1/uploads", json=body, headers=once), 201)

    [again, before] = await lines(client)
    assert first == second
    assert (before["resource_id"], before["remark"]) == (first["id"], None)
    assert (again["resource_id"], again["remark"]) == (None, "nothing was done: the same request came before")


async def test_it_can_be_searched_paged_and_taken_into_a_spreadsheet(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"))
    client = await gateway.client(caller)
    evil = {"User-Agent": "=cmd|' /C calc'!A0"}
    scripts = [
        json_of(await client.post("/v1/scripts", json={"filename": f"{n}", "text": "x"}, headers=evil), 201)
        for n in range(5)
    ]

    seen, cursor = [], None
    while True:
        query = {"limit": "2", "action": "submit_script"} | ({"cursor": cursor} if cursor else {})
        page = json_of(await client.get("/v1/audit", params=query), 200)
        seen += [item["resource_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    table = await client.get("/v1/audit", params={"format": "csv", "action": "submit_script"})
    one = await lines(client, resource_id=scripts[2]["id"])
    later = await lines(client, since="2100-01-01T00:00:00Z")
    earlier = await lines(client, until="2020-01-01T00:00:00Z")

    assert seen == [script["id"] for script in reversed(scripts)]
    rows = list(csv.DictReader(table.text.splitlines()))
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert [row["resource_id"] for row in rows] == seen
    assert {row["agent"] for row in rows} == {"'=cmd|' /C calc'!A0"}
    assert [line["resource_id"] for line in one] == [scripts[2]["id"]]
    assert (later, earlier) == ([], [])


async def test_owners_and_admins_read_it_and_only_their_own(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant("studio")
    admin = await gateway.client(await gateway.user(tenant_id, Role.ADMIN))
    stranger = await gateway.owner("stranger")
    await gateway.script(admin)

    for role in (Role.EDITOR, Role.VIEWER, Role.OPS, Role.RUNNER):
        other = await gateway.client(await gateway.user(tenant_id, role))
        assert (await other.get("/v1/audit")).status_code == 403

    assert [line["action"] for line in await lines(admin, outcome="done")] == ["submit_script"]
    assert await lines(stranger) == []


CHANGES = ("UPDATE audit SET agent = ''", "DELETE FROM audit", "TRUNCATE audit")


@pytest.mark.parametrize("statement", CHANGES)
async def test_our_role_cannot_change_a_line_nor_take_one_out(gateway: Gateway, statement: str) -> None:
    caller = await gateway.user(await gateway.tenant("studio"))
    await gateway.script(await gateway.client(caller))

    async def attempt() -> None:
        async with gateway.harness.database.begin(caller.tenant_id) as work:
            await work.connection.execute(text(statement))

    with pytest.raises(DBAPIError, match="permission denied"):
        await attempt()


async def test_not_even_with_the_privilege_can_a_line_be_changed(postgres_url: str) -> None:
    async with a_gateway(postgres_url) as gateway:
        caller = await gateway.user(await gateway.tenant("studio"))
        await gateway.script(await gateway.client(caller))
        database = str(gateway.harness.service.settings.database_url).rpartition("/")[2]
        admin = await asyncpg.connect(postgres_url, database=database)
        await admin.execute("GRANT UPDATE, DELETE, TRUNCATE ON gateway.audit TO gateway")
        await admin.close()

        for statement in CHANGES:
            with pytest.raises(DBAPIError, match="the table audit only grows"):
                async with gateway.harness.database.begin(caller.tenant_id) as work:
                    await work.connection.execute(text(statement))


async def test_only_lines_older_than_their_retention_can_be_forgotten_and_none_younger_than_a_month(
    postgres_url: str,
) -> None:
    async with a_gateway(postgres_url) as gateway:
        caller = await gateway.user(await gateway.tenant("studio"))
        client = await gateway.client(caller)
        await gateway.script(client)
        await gateway.script(await gateway.owner("another"))
        database = str(gateway.harness.service.settings.database_url).rpartition("/")[2]
        admin = await asyncpg.connect(postgres_url, database=database)
        await admin.execute("UPDATE gateway.audit SET at = at - interval '40 days'")
        await admin.close()
        await gateway.script(client)

        async with gateway.harness.database.begin(caller.tenant_id) as work:
            none = await forget(work.connection, 50)
            old = await forget(work.connection, 0)
            left = (await work.connection.execute(text("SELECT count(*) FROM audit"))).scalar()

        assert (none, old, left) == (0, 1, 1)


async def forget(connection: AsyncConnection, days: int) -> int:
    return int(await connection.scalar(text("SELECT forget_audit(:days)"), {"days": days}) or 0)


async def test_wrong_passwords_from_several_addresses_are_a_line_each(gateway: Gateway) -> None:
    anna = await gateway.user(await gateway.tenant("studio"), email="anna@example.org")
    wrong = {"grant_type": "password", "username": "anna@example.org", "password": "wrong"}
    hosts = ["192.0.2.9", "198.51.100.7", "203.0.113.1"]

    for host in hosts:
        transport = httpx.ASGITransport(gateway.app, client=(host, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as guesser:
            assert (await guesser.post("/v1/auth/token", data=wrong)).status_code == 400

    lines = json_of(await (await gateway.client(anna)).get("/v1/audit"), 200)["items"]
    assert sorted(line["address"] for line in lines if line["outcome"] == "refused") == hosts


async def test_a_path_that_postgresql_cannot_keep_is_written_down_all_the_same(gateway: Gateway) -> None:
    client = await gateway.owner()

    assert (await client.delete("/v1/videos/%00")).status_code == 422

    lines = json_of(await client.get("/v1/audit"), 200)["items"]
    assert [(line["action"], line["resource"]) for line in lines] == [("erase_video", "/v1/videos/\ufffd")]


async def test_who_may_only_look_cannot_fill_the_audit_with_what_is_not_there(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id = await gateway.tenant("studio")
    viewer = await gateway.user(tenant_id, Role.VIEWER)
    client, owner = await gateway.client(viewer), await gateway.client(await gateway.user(tenant_id))
    monkeypatch.setattr(audit_log, "_REFUSALS", 5)
    times = chain(repeat(0.0, 20), repeat(60.5))
    monkeypatch.setattr(gateway.use_cases.audit, "_clock", lambda: next(times))

    answers = [await client.get(f"/v1/videos/{uuid4()}") for _ in range(21)]
    noted = await lines(owner, user_id=str(viewer.user_id))

    assert {answer.status_code for answer in answers} == {404}
    assert len(noted) == 6
    assert noted[0]["remark"] == "15 refusals before this one were not noted one by one"
    assert {line["remark"] for line in noted[1:]} == {None}
