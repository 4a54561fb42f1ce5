"""Every route, walked: without a token, with every role, from another tenant, and with bad input."""

import re
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.adapters.postgres.tables import users
from gateway.api.app import OPEN_TO_ALL, declared_rights
from gateway.api.problems import OAUTH_PATHS
from gateway.domain.access import Right, Role, may
from support.gateway_rig import Gateway, an_ingested, json_of
from support.route_walk import GUARDED, WALKED, Asked, UnknownId, ask, asked_of, someones_things, strangers_ids

OPEN_ON_PURPOSE = {
    # job_counts holds one number a tenant, for the bound over all; work_samples how long work took, of nobody by name;
    # the others are asked before we know who asks.
    # departed_tenants names who was erased, by id alone, for whoever looks after what is kept of them.
    *(
        "departed_tenants",
        "job_counts",
        "work_samples",
        "signing_keys",
        "revocations",
        "sign_in_attempts",
        "receipt_keys",
    ),
    *("inbox", "outbox", "tasks", "alembic_version"),
}


def test_every_route_declares_one_right_or_is_open_on_purpose() -> None:
    for method, route in WALKED:
        rights = declared_rights(route)
        assert [Right(right) for right in rights] if rights else (method, route.path) in OPEN_TO_ALL


def test_what_is_open_to_all_exists() -> None:
    assert {(method, route.path) for method, route in WALKED} >= OPEN_TO_ALL


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role or "anonymous")
async def test_each_route_lets_in_those_with_its_right_and_nobody_else(gateway: Gateway, role: Role | None) -> None:
    ids = await someones_things(gateway)
    client = gateway.anonymous()
    if role is not None:
        client = await gateway.client(await gateway.user(await gateway.tenant("other"), role))

    for method, route in GUARDED:
        answer = await ask(client, gateway.app, asked_of(method, route, ids))
        allowed = role is not None and all(may(role, Right(right)) for right in declared_rights(route))
        expected = 401 if role is None else 403
        assert (answer.status_code not in (401, 403)) if allowed else (answer.status_code == expected), route.path


async def test_another_tenants_ids_lead_nowhere_on_any_route(gateway: Gateway) -> None:
    ids = await someones_things(gateway)
    before = await everything(gateway, ids["tenant_id"])
    stranger = await gateway.owner("stranger")
    walked = set()

    for method, route in GUARDED:
        theirs, nobodys = asked_of(method, route, ids), asked_of(method, route, strangers_ids(ids))
        if not theirs.named and not theirs.filtered:
            continue
        answer = await ask(stranger, gateway.app, theirs)
        unknown = await ask(stranger, gateway.app, nobodys)
        assert says(answer, ids) == says(unknown, ids), f"{method} {route.path}: the two must look the same"
        assert answer.status_code == 404 or (not theirs.named and answer.status_code == 200), f"{method} {route.path}"
        walked |= {(method, route.path)}

    assert {(method, route.path) for method, route in GUARDED if "_id}" in route.path} <= walked
    for method, route in GUARDED:
        if method == "GET" and "{" not in route.path:
            listed = await ask(stranger, gateway.app, asked_of(method, route, strangers_ids(ids)))
            assert not [id_ for id_ in ids.values() if id_ in listed.text], route.path
    assert await everything(gateway, ids["tenant_id"]) == before


def says(answer: httpx.Response, ids: dict[str, str]) -> tuple[int, Any]:
    """What an answer gives away: all but the address that was asked for and the number of the request."""
    if "json" not in answer.headers.get("content-type", "") or answer.request.method == "HEAD":
        return answer.status_code, answer.text
    said = answer.json()
    kept = {name: value for name, value in said.items() if name not in ("instance", "trace_id")}
    assert not [id_ for id_ in ids.values() if id_ in str(kept)], "it names what is not theirs"
    return answer.status_code, kept


def ids_in(asked: Asked) -> frozenset[str]:
    return asked.named | asked.filtered


async def test_an_id_of_an_unknown_kind_cannot_be_overlooked(gateway: Gateway) -> None:
    ids = await someones_things(gateway)
    needed = {name for method, route in GUARDED for name in ids_in(asked_of(method, route, ids))}
    (route,) = [route for method, route in GUARDED if (method, route.path) == ("GET", "/v1/videos/{video_id}")]

    del ids["video_id"]

    with pytest.raises(UnknownId, match="takes a video_id"):
        asked_of("GET", route, ids)
    assert needed == {*ids, "video_id"}


async def test_a_script_of_another_tenant_cannot_be_used_for_ones_own_video(gateway: Gateway) -> None:
    ids = await someones_things(gateway)
    stranger = await gateway.owner("stranger")
    video = await gateway.ingested(stranger)
    wanted = {"video_id": video["id"], "script_id": ids["script_id"], "steps": ["alignment"]}

    assert (await stranger.post("/v1/jobs", json=wanted)).status_code == 404


async def test_a_fact_of_another_tenant_moves_nothing(gateway: Gateway) -> None:
    owner = await gateway.owner("somebody")
    video = await gateway.video(owner)

    await gateway.harness.hear(an_ingested(video["id"]), subject=video["id"], tenant_id=uuid4())

    assert json_of(await owner.get(f"/v1/videos/{video['id']}"), 200)["state"] == "ingesting"


async def walls(gateway: Gateway) -> dict[str, bool]:
    """Every table of ours, and whether row-level security is forced on it."""
    async with gateway.harness.database.begin_untenanted() as connection:
        listed = await connection.exec_driver_sql(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AS walled FROM pg_class"
            " WHERE relnamespace = 'gateway'::regnamespace AND relkind IN ('r', 'p')"
        )
        return {row.relname: row.walled for row in listed.all()}


async def everything(gateway: Gateway, tenant_id: str) -> dict[str, list[Any]]:
    """All that somebody's tenant has, straight from the tables."""
    names = [name for name, walled in (await walls(gateway)).items() if walled]
    async with gateway.harness.database.read(UUID(tenant_id)) as connection:
        found = {name: await connection.exec_driver_sql(f'SELECT * FROM "{name}" ORDER BY 1, 2') for name in names}
        return {name: list(rows.all()) for name, rows in found.items()}


async def test_no_table_shows_a_row_to_a_transaction_without_its_tenant(gateway: Gateway) -> None:
    ids = await someones_things(gateway)

    forced = await walls(gateway)
    async with gateway.harness.database.begin_untenanted() as connection:
        for name in (name for name, walled in forced.items() if walled):
            assert (await connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"')).scalar() == 0, name

    assert {name for name, walled in forced.items() if not walled} == OPEN_ON_PURPOSE
    assert [name for name, rows in (await everything(gateway, ids["tenant_id"])).items() if rows]


async def test_the_door_for_signing_in_shows_one_row_and_closes_again(gateway: Gateway) -> None:
    await gateway.user(await gateway.tenant("a"), email="a@example.org")
    await gateway.user(await gateway.tenant("b"), email="b@example.org")

    async with gateway.harness.database.read(UUID(int=0)) as connection:
        people = gateway.use_cases.records_on(connection).people
        found = await people.user_by_email("a@example.org")
        nobody = await people.user_by_email("")
        left_open = (await connection.execute(users.select())).all()

    assert found is not None
    assert (nobody, left_open) == (None, [])


BAD_IDS = ["x", "1", "00000000-0000-0000-0000-00000000000g", "%00", "..%2f..", "a" * 5000, "'; DROP TABLE jobs; --"]
JUNK: list[dict[str, Any]] = [
    {"content": b""},
    {"content": b"{"},
    {"content": b"\xff\xfe"},
    {"content": b'{"filename": "\\ud800"}'},
    {"json": None},
    {"json": []},
    {"json": "text"},
    {"json": {"filename": 5, "upload_id": [], "video_id": {}, "steps": "scenes", "text": None}},
    {"json": {"filename": "a\x00b", "text": "\x00", "upload_id": "\x00"}},
    {"json": {"filename": "", "text": "", "upload_id": "", "video_id": "", "steps": []}},
    {"json": {"filename": "a", "size_bytes": -1}},
    {"json": {"filename": "a", "size_bytes": 2**70}},
    {"json": {"filename": "a", "sha256": "xyz"}},
    {"json": {"filename": "a", "text": "b", "surprise": 1}},
    {"json": {"filename": "x" * 256, "text": "b"}},
]
JOB_JUNK: list[dict[str, Any]] = [
    {"steps": ["ingest"]},
    {"steps": ["scenes"] * 11},
    {"options": {"upscale": {"scale": 5}}},
    {"options": {"upscale": {"start": 5, "end": 5}}},
    {"options": {"upscale": {"start": -1}}},
    {"options": {"upscale": {"ranges": [{"start": 5, "end": 5}]}}},
    {"options": {"upscale": {"ranges": [{"begin": 5}]}}},
    {"options": {"upscale": {"ranges": [{"start": 1}] * 501}}},
    {"options": {"upscale": {"scenes": [-1]}}},
    {"options": {"upscale": {"lines": [0]}}},
    {"options": {"upscale": {"lines": ["x"]}}},
    {"options": {"upscale": {"only": True}}},
    {"options": {"upscale": {"crf": 60}}},
    {"options": {"upscale": {"codec": "ffv1", "container": "mp4"}}},
    {"options": {"upscale": {"preset": "placebo"}}},
    {"options": {"scenes_key": "derived/another/tenant/scenes.json"}},
    {"options": {"upscale": {"start": "nan"}}},
    {"options": {"upscale": {"model": "../../etc/passwd"}}},
    {"options": {"langage": "en"}},
    {"options": {"language": "english"}},
    {"priority": "now"},
    {"passthrough": "x" * 256},
    {"passthrough": "a\x00"},
]


def must_be_a_problem(answer: httpx.Response, what: object) -> None:
    assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.text[:200])
    if answer.request.method == "HEAD":
        assert answer.headers["content-type"] == "application/problem+json", what
        return
    problem = answer.json()
    if problem["instance"] in OAUTH_PATHS and answer.status_code == 400:
        assert answer.headers["content-type"] == "application/json", what
        assert problem["error"] in {"invalid_request", "invalid_grant"}, what
    else:
        assert answer.headers["content-type"] == "application/problem+json", what
    assert {"type", "title", "status", "detail", "instance", "trace_id", "errors"} <= set(problem), what
    assert problem["status"] == answer.status_code
    assert problem["trace_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text


async def test_bad_input_is_a_problem_and_never_an_error_of_ours(gateway: Gateway) -> None:
    client = await gateway.owner()

    for method, route in WALKED:
        for bad in BAD_IDS if "{" in route.path else ():
            path = route.path.replace("{name:path}", "x").replace("{slug}", "{job_id}")
            url = re.sub(r"{\w+}", bad.replace("\\", "\\\\"), path)
            must_be_a_problem(await client.request(method, url), f"{method} {url[:80]}")
        for junk in JUNK if method == "POST" and "{" not in route.path else ():
            headers = {"Content-Type": "application/json"} if "content" in junk else {}
            must_be_a_problem(await client.post(route.path, headers=headers, **junk), f"{route.path} {junk}"[:120])
    video = await gateway.ingested(client)
    for wrong in JOB_JUNK:
        answer = await client.post("/v1/jobs", json={"video_id": video["id"], "steps": ["scenes"], **wrong})
        must_be_a_problem(answer, wrong)
    for query in ({"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": "x"}, {"cursor": "\x00"}):
        must_be_a_problem(await client.get("/v1/jobs", params=query), query)
    for key in (b"", b"with space", b"x" * 256, "ü".encode()):
        raw = [(b"Idempotency-Key", key)]
        must_be_a_problem(await client.post("/v1/uploads", json={"filename": "a"}, headers=raw), key)


@pytest.mark.parametrize("range_", ['{"end": Infinity}', '{"start": 1e999}', '{"start": NaN}'])
async def test_a_range_of_time_is_finite(gateway: Gateway, range_: str) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    body = f'{{"video_id": "{video["id"]}", "steps": ["upscale"], "options": {{"upscale": {range_}}}}}'

    answer = await client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})

    [error] = json_of(answer, 422)["errors"]
    assert error["field"].startswith("options.upscale.")


async def test_a_problem_names_the_field_at_fault(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    wanted = {"video_id": video["id"], "steps": ["scenes"], "options": {"upscale": {"scale": 5}}}

    problem = json_of(await client.post("/v1/jobs", json=wanted), 422)

    assert [error["field"] for error in problem["errors"]] == ["options.upscale.scale"]
    assert problem["type"] == "/problems/invalid-request"
    assert json_of(await client.get(problem["type"]), 200)["status"] == 422


async def test_unknown_paths_and_methods_are_problems(gateway: Gateway) -> None:
    client = gateway.anonymous()

    must_be_a_problem(await client.get("/v1/nowhere"), "path")
    must_be_a_problem(await client.get("/problems/nowhere"), "problem")
    must_be_a_problem(await client.get("/docs/assets/nowhere"), "asset")
    must_be_a_problem(await client.get("/v1/auth/token"), "method of OAuth2's endpoint")
    wrong = await client.put("/v1/jobs")
    must_be_a_problem(wrong, "method")
    assert wrong.status_code == 405


async def test_a_large_body_is_refused_before_it_is_read(gateway: Gateway) -> None:
    client = await gateway.owner()

    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 1000

    large = await client.post("/v1/scripts", json={"filename": "a", "text": "x" * 60_000})
    streamed = await client.post("/v1/scripts", content=endless(), headers={"Content-Type": "application/json"})
    script = await client.post("/v1/scripts", json={"filename": "a", "text": "x" * 10_001})

    assert {large.status_code, streamed.status_code, script.status_code} == {413}
    for answer in (large, streamed, script):
        must_be_a_problem(answer, "large")


async def test_what_nobody_expected_is_a_problem_too_and_says_nothing_of_the_inside(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = await gateway.owner()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("gateway.usecases.jobs.Jobs.page", broken)
    answer = await client.get("/v1/jobs")

    problem = json_of(answer, 500)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert problem["trace_id"] == answer.headers["x-request-id"]
    assert "a secret of the inside" in caplog.text


async def test_a_trace_is_carried_on_into_the_facts(gateway: Gateway) -> None:
    client = await gateway.owner()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    wanted = {"filename": "a.txt", "text": "x"}

    traced = await client.post("/v1/scripts", json=wanted, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    forged = await client.post("/v1/scripts", json=wanted, headers={"traceparent": "<script>"})

    assert traced.headers["x-request-id"] == trace
    assert trace in str(gateway.harness.announced[0].traceparent)
    assert "<" not in forged.headers["x-request-id"]
    assert "<" not in str(gateway.harness.announced[1].traceparent)


async def test_every_answer_has_the_headers_that_keep_browsers_out_of_trouble(gateway: Gateway) -> None:
    client = gateway.anonymous()

    for path in ("/v1/me", "/openapi.json", "/nowhere", "/docs"):
        headers = (await client.get(path, headers={"Origin": "https://evil.example"})).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


async def test_the_reference_loads_nothing_from_elsewhere(gateway: Gateway) -> None:
    client = gateway.anonymous()

    page = await client.get("/docs")
    script = await client.get("/docs/assets/swagger-ui-bundle.js")
    style = await client.get("/docs/assets/swagger-ui.css")

    assert "http" not in page.text
    assert "unsafe-inline" not in page.headers["content-security-policy"].split("style-src")[0]
    assert (script.status_code, style.status_code) == (200, 200)
    assert (await client.get("/docs/start.js")).headers["content-type"].startswith("text/javascript")


async def test_the_openapi_document_describes_errors_and_security_of_every_operation(gateway: Gateway) -> None:
    document = json_of(await gateway.anonymous().get("/openapi.json"), 200)
    operations = {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }

    assert document["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in str(document["paths"])
    for (method, path), operation in operations.items():
        assert operation["summary"]
        assert operation["description"]
        assert bool(operation.get("security")) == ((method, path) not in OPEN_TO_ALL)
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                oauth = path in OAUTH_PATHS and status in ("400", "429")
                said = "application/json" if oauth else "application/problem+json"
                assert list(response["content"]) == [said], path
        if "security" in operation:
            assert {"401", "403"} <= set(operation["responses"])
