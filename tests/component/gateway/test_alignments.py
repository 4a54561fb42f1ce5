"""People correct alignments: with what they read in hand, with a history, and so that nothing said is lost."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from contracts.documents import Ledger
from contracts.gateway import AlignmentCorrected
from gateway.domain.access import Role
from support.findings_rig import a_ledger, a_line, aligned, everything_found, revised
from support.gateway_rig import Gateway, a_gateway, json_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    """One gateway for all tests here: each brings a tenant of its own."""
    async with a_gateway(postgres_url) as running:
        yield running


async def somebody(gateway: Gateway) -> httpx.AsyncClient:
    """A client of the owner of a new tenant."""
    return await gateway.owner(f"studio {uuid4()}")


async def read(client: httpx.AsyncClient, job: dict[str, Any]) -> tuple[dict[str, Any], str]:
    answer = await client.get(f"/v1/alignments/{job['id']}")
    return json_of(answer, 200), answer.headers["etag"]


async def correct(
    client: httpx.AsyncClient, job: dict[str, Any], etag: str, *lines: dict[str, Any], **more: Any
) -> httpx.Response:
    body = {"lines": list(lines), **more}
    return await client.patch(f"/v1/alignments/{job['id']}", json=body, headers={"If-Match": etag})


async def undo(client: httpx.AsyncClient, job: dict[str, Any], etag: str, **headers: str) -> httpx.Response:
    return await client.post(f"/v1/alignments/{job['id']}/undo", headers={"If-Match": etag, **headers})


def line_of(alignment: dict[str, Any], line_id: str) -> dict[str, Any]:
    [line] = [one for one in alignment["lines"] if one["line_id"] == line_id]
    return dict(line)


async def test_a_correction_is_seen_at_once_with_who_said_it_and_is_announced(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant(f"studio {uuid4()}"), Role.EDITOR)
    client = await gateway.client(caller)
    job = await everything_found(gateway, client)
    before, etag = await read(client, job)

    answer = await correct(
        client,
        job,
        etag,
        {"line_id": "L02", "chosen_take": 0, "status": "spoken", "note": "the first one is better"},
        {"line_id": "L03", "start": 14.0, "end": 15.0},
        ad_libs=[{"start": 12.0, "ad_lib": False}],
    )

    after, new_etag = await read(client, job)
    assert json_of(answer, 200) == after
    assert answer.headers["etag"] == new_etag != etag
    assert Ledger.model_validate(before) == a_ledger()
    assert [take["chosen"] for take in line_of(after, "L02")["takes"]] == [True, False]
    assert (line_of(after, "L02")["status"], line_of(after, "L02")["review"]) == ("spoken", "corrected")
    assert line_of(after, "L03")["takes"][0]["start"] == 14.0
    assert (after["ad_libs"], after["revision"], after["conflicts"]) == ([], 1, [])
    assert {one["by"] for one in after["corrections"]} == {str(caller.user_id)}
    assert "the first one is better" in [one["note"] for one in after["corrections"]]
    fact = gateway.harness.facts(AlignmentCorrected)[-1]
    assert (str(fact.video_id), str(fact.script_id), fact.revision) == (job["video_id"], job["script_id"], 1)
    assert [change.text for change in fact.changes] == ["Come in, please.", "Good bye.", "Sorry, once more."]


async def test_who_does_not_say_what_they_read_or_read_something_else_changes_nothing(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)
    _, etag = await read(client, job)
    body = {"lines": [{"line_id": "L01", "status": "partial"}]}
    path = f"/v1/alignments/{job['id']}"

    without = await client.patch(path, json=body)
    first = await client.patch(path, json=body, headers={"If-Match": f'"other", {etag}'})
    second = await client.patch(path, json=body, headers={"If-Match": etag})
    weak = await client.patch(path, json=body, headers={"If-Match": f"W/{first.headers['etag']}"})
    whatever = await client.patch(path, json=body, headers={"If-Match": "*"})
    undone = await client.post(f"{path}/undo")

    assert json_of(without, 428)["type"] == "/problems/precondition-required"
    assert json_of(first, 200)["revision"] == 1
    assert json_of(second, 412)["type"] == "/problems/changed-meanwhile"
    assert (weak.status_code, json_of(whatever, 200)["revision"]) == (412, 2)
    assert undone.status_code == 428


async def test_only_what_is_given_changes_and_null_takes_back(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)

    first = await correct(client, job, "*", {"line_id": "L01", "status": "partial", "note": "cut off"})
    second = await correct(client, job, "*", {"line_id": "L01", "start": 1.5})
    third = await correct(client, job, "*", {"line_id": "L01", "status": None, "start": None, "end": None})
    fourth = await correct(client, job, "*", {"line_id": "L01", "note": None})

    assert line_of(json_of(first, 200), "L01")["status"] == "partial"
    [take] = line_of(json_of(second, 200), "L01")["takes"]
    assert (take["start"], take["end"], line_of(second.json(), "L01")["status"]) == (1.5, 1.9, "partial")
    assert line_of(json_of(third, 200), "L01")["status"] == "spoken"
    assert [one["note"] for one in third.json()["corrections"]] == ["cut off"]
    assert json_of(fourth, 200)["corrections"] == []
    assert Ledger.model_validate(fourth.json()) == a_ledger()


async def test_changes_are_undone_one_by_one_and_the_history_keeps_them(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)
    for status in ("partial", "moved"):
        json_of(await correct(client, job, "*", {"line_id": "L01", "status": status}), 200)
    _, etag = await read(client, job)

    once = json_of(await undo(client, job, etag, **{"Idempotency-Key": "u1"}), 200)
    repeated = json_of(await undo(client, job, etag, **{"Idempotency-Key": "u1"}), 200)
    middle, now = await read(client, job)
    twice = json_of(await undo(client, job, once["etag"]), 200)
    end, _ = await read(client, job)
    nothing = await undo(client, job, twice["etag"])

    history = json_of(await client.get(f"/v1/alignments/{job['id']}/history"), 200)["items"]
    assert repeated == once
    assert (now, line_of(middle, "L01")["status"]) == (once["etag"], "partial")
    assert (line_of(end, "L01")["status"], line_of(end, "L01")["review"]) == ("spoken", "open")
    assert json_of(nothing, 409)["type"] == "/problems/nothing-to-undo"
    assert [(one["revision"], one["kind"], one["undoes"]) for one in history] == [
        (4, "undo", 1),
        (3, "undo", 2),
        (2, "correction", None),
        (1, "correction", None),
    ]
    change = history[2]["changes"][0]
    assert (change["before"]["status"], change["after"]["status"]) == ("partial", "moved")
    page = json_of(await client.get(f"/v1/alignments/{job['id']}/history", params={"limit": 3}), 200)
    rest = {"limit": 3, "cursor": page["next_cursor"]}
    assert json_of(await client.get(f"/v1/alignments/{job['id']}/history", params=rest), 200)["items"] == history[3:]


async def test_corrections_hold_for_a_later_run_of_the_same_video_and_script(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)
    lines: list[dict[str, Any]] = [
        {"line_id": "L01", "status": "moved"},
        {"line_id": "L03", "status": "partial", "start": 14, "end": 15},
    ]
    json_of(await correct(client, job, "*", *lines), 200)
    later = await gateway.job(client, job["video_id"], ["alignment"], script_id=job["script_id"])
    ledger = a_ledger()
    renumbered = a_line(7, ledger.lines[1].text, *ledger.lines[1].takes)

    await aligned(gateway, client, later, ledger.model_copy(update={"lines": (renumbered,)}), revision=1)

    after, _ = await read(client, later)
    assert (line_of(after, "L07")["status"], line_of(after, "L07")["review"]) == ("moved", "corrected")
    [conflict] = after["conflicts"]
    assert (conflict["reason"], conflict["correction"]["text"]) == ("line_gone", "Good bye.")
    assert after["revision"] == 1


async def test_an_export_waits_for_the_corrections_to_be_in_it(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)
    path = f"/v1/alignments/{job['id']}/export"
    machine = await client.get(path, params={"format": "srt"})
    json_of(await correct(client, job, "*", {"line_id": "L01", "status": "moved"}), 200)

    pending = await client.get(path, params={"format": "srt"})
    await revised(gateway, client, job, 1)
    part = await client.get(path, params={"format": "srt"}, headers={"Range": "bytes=0-2"})
    accepted = await client.get(path, headers={"Accept": "text/html, text/vtt;q=0.9"})
    named = await client.get(f"/v1/jobs/{job['id']}/results/script.srt")

    assert machine.content == b"srt of the machine"
    assert json_of(pending, 409)["type"] == "/problems/export-pending"
    assert int(pending.headers["retry-after"]) >= 1
    assert (part.status_code, part.content) == (206, b"srt")
    assert (accepted.content, accepted.headers["content-type"]) == (b"vtt at revision 1", "text/vtt; charset=utf-8")
    assert named.content == b"srt at revision 1", "the files of the job are the corrected ones too"


async def test_late_and_repeated_revisions_change_nothing(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)
    for _ in range(2):
        json_of(await correct(client, job, "*", {"line_id": "L01", "confirmed": True}), 200)

    for number in (2, 1, 2):
        await revised(gateway, client, job, number)

    export = await client.get(f"/v1/alignments/{job['id']}/export", params={"format": "otio"})
    assert export.content == b"otio at revision 2"


@pytest.mark.parametrize(
    ("params", "accept", "status"), [({"format": "docx"}, "*/*", 422), ({}, "image/png", 406), ({}, "*/*", 200)]
)
async def test_an_export_nobody_writes_is_refused(
    gateway: Gateway, params: dict[str, str], accept: str, status: int
) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)

    answer = await client.get(f"/v1/alignments/{job['id']}/export", params=params, headers={"Accept": accept})

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"line_id": "L99", "status": "spoken"}, "lines.0.line_id"),
        ({"line_id": "H001", "status": "spoken"}, "lines.0.line_id"),
        ({"line_id": "L02", "chosen_take": 2}, "lines.0.chosen_take"),
        ({"line_id": "L03", "start": 3.0}, "lines.0.start"),
        ({"line_id": "L01", "start": 3.0}, "lines.0.end"),
        ({"line_id": "L01", "status": "omitted", "chosen_take": 0}, "lines.0.status"),
        ({"line_id": "L03", "ad_lib": True}, "lines.0.ad_lib"),
        ({"line_id": "L01", "status": "sung"}, "lines.0.status"),
        ({"line_id": "L01", "state": "spoken"}, "lines.0.state"),
        ({"line_id": "L01", "note": "x" * 501}, "lines.0.note"),
    ],
)
async def test_what_makes_no_sense_is_named_and_changes_nothing(
    gateway: Gateway, line: dict[str, Any], field: str
) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)

    answer = await correct(client, job, "*", line)

    assert [error["field"] for error in json_of(answer, 422)["errors"]] == [field]
    assert (await read(client, job))[0]["revision"] == 0


async def test_who_may_only_look_may_not_correct(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant(f"studio {uuid4()}")
    owner = await gateway.client(await gateway.user(tenant_id))
    viewer = await gateway.client(await gateway.user(tenant_id, Role.VIEWER))
    job = await everything_found(gateway, owner)

    assert (await correct(viewer, job, "*", {"line_id": "L01", "confirmed": True})).status_code == 403
    assert (await undo(viewer, job, "*")).status_code == 403
    assert (await viewer.get(f"/v1/alignments/{job['id']}/history")).status_code == 200


async def test_an_erased_video_takes_what_people_said_along(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)
    json_of(await correct(client, job, "*", {"line_id": "L01", "note": "a secret"}), 200)

    json_of(await client.delete(f"/v1/videos/{job['video_id']}"), 202)

    tenant_id = gateway.harness.announced[-1].tenantid
    async with gateway.harness.database.read(tenant_id) as connection:
        for table in ("corrections", "ledger_revisions", "findings"):
            assert (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar() == 0
    assert (await correct(client, job, "*", {"line_id": "L01", "confirmed": True})).status_code == 404
