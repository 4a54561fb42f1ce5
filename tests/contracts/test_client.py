"""The Python client can do all that the API can: every operation of the OpenAPI document, and every name it takes.

The server here knows nothing but the document: it holds each request against it and answers with its examples.
"""

import inspect
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

import matchcut.client as client
from matchcut.client import Credentials, Matchcut, Measures, accept_invitation, begin_sign_on
from matchcut.client.findings import Alignments, Collection, Renditions
from matchcut.client.logos import Logos
from matchcut.client.pieces import PIECES_FROM
from matchcut.client.search import Search
from matchcut.client.sign_on import IdentityProviders
from support.documented_gateway import DOCUMENT, ID, OPERATIONS, DocumentedGateway, documented_gateway, schema_of

_ID, _AT, _TAG = UUID(ID), datetime(2026, 11, 22, tzinfo=UTC), '"a state"'
_TIMES: dict[str, Any] = {"created_from": _AT, "created_before": _AT}
_OF: dict[str, Any] = {"video_id": _ID, "job_id": _ID, **_TIMES}
_PROVIDER: dict[str, Any] = {
    "client_secret": "secret",
    "return_urls": ["https://app.example/"],
    "scopes": ["email"],
    "groups_claim": "groups",
    "group_roles": {"leads": "admin"},
    "default_role": "viewer",
    "email_domains": ["studio.example"],
    "owners": False,
}
BY_BROWSERS = {"begin_single_sign_on", "finish_single_sign_on"}
"""What a browser asks; the client makes the address for it, and reads the one it comes back with."""
OF_TUS = {"describe_tus"}
"""What a client of tus may ask that does not know us."""
NEVER_SAID = {
    "create_upload": {"upload-defer-length", "upload-concat", "upload-checksum"},  # the length of a file is known
    "append_piece": {"upload-length", "upload-checksum"},
    "export_alignment": {"accept"},  # it names the format
    "issue_token": {"scope"},  # an API key has its scopes
    "announce_upload": {"sha256"},  # it is added up while it is sent, and compared
    "watch_events": {"after"},  # it says so as Last-Event-ID
    "watch_job": {"last-event-id"},  # when a connection broke: tests/unit/matchcut/test_client.py
}
"""What the client has no use for. All else that the document names, it says."""
READ_AGAIN = {"if-none-match", "range", "if-range", "cursor", "limit"}
"""How much is asked for at once: the client's own affair."""


def a_film(folder: Path, size: int) -> Path:
    """A file of so many bytes."""
    path = folder / f"{size}.mp4"
    path.write_bytes(bytes(size))
    return path


def a_table(folder: Path) -> Path:
    path = folder / "a.csv"
    path.write_bytes("Figur;Satz\n\xc4nne;Hallo.\n".encode("cp1252"))
    return path


def a_script(folder: Path) -> Path:
    """A script of one line."""
    path = folder / "a.txt"
    path.write_text("Nevermore.\n")
    return path


def signed_on(gateway: DocumentedGateway) -> Any:
    """What the way through an identity provider brings."""
    sign_on = begin_sign_on(gateway.url, f"/v1/auth/sso/{ID}/{ID}", redirect_uri="https://app.example/")
    return sign_on.finish(f"https://app.example/?code=c&state={sign_on.state}&iss={gateway.url}")


def refreshed(gateway: DocumentedGateway) -> Any:
    """What one does with it."""
    with Matchcut(gateway.url, Credentials(refresh_token="token"), patience_s=0) as matchcut:
        return matchcut.me()


def signed_out(m: Matchcut) -> None:
    """In and out."""
    m.me()
    m.sign_out()


def alignment(m: Matchcut) -> Any:
    """One that was read."""
    return m.alignments.get(_ID)


Call = Callable[[Matchcut, Path], Any]
CALLS: dict[str, Call] = {
    "read_me": lambda m, _: m.me(),
    "sign_out": lambda m, _: signed_out(m),
    "read_public_keys": lambda m, _: m.token_keys(),
    "read_receipt_keys": lambda m, _: m.receipt_keys(),
    "change_password": lambda m, _: m.change_password("old", "correct horse battery staple"),
    "list_sessions": lambda m, _: m.sessions(),
    "end_other_sessions": lambda m, _: m.end_sessions(),
    "end_session": lambda m, _: m.end_session(_ID),
    "list_users": lambda m, _: m.users(),
    "invite_user": lambda m, _: m.invite("anna@example.org", "editor"),
    "read_user": lambda m, _: m.user(_ID),
    "change_user": lambda m, _: m.change_user(_ID, role="viewer", disabled=False, etag=_TAG),
    "remove_user": lambda m, _: m.remove_user(_ID, etag=_TAG),
    "invite_again": lambda m, _: m.invite_again(_ID),
    "list_user_sessions": lambda m, _: m.sessions(_ID),
    "end_user_sessions": lambda m, _: m.end_sessions(_ID),
    "list_api_keys": lambda m, _: m.api_keys(),
    "make_api_key": lambda m, _: m.make_api_key("ci", ["jobs:read"], expires_at=_AT),
    "read_api_key": lambda m, _: m.api_key(_ID),
    "revoke_api_key": lambda m, _: m.revoke_api_key(_ID),
    "read_tenant": lambda m, _: m.tenant(_ID),
    "rename_tenant": lambda m, _: m.rename_tenant(_ID, "Studio", etag=_TAG),
    "erase_tenant": lambda m, _: m.erase_tenant("Studio"),
    "list_identity_providers": lambda m, _: m.identity_providers.list(),
    "set_up_identity_provider": lambda m, _: m.identity_providers.create("a", "https://a.example", "us", **_PROVIDER),
    "read_identity_provider": lambda m, _: m.identity_providers.get(_ID),
    "change_identity_provider": lambda m, _: m.identity_providers.change(
        _ID, name="a", issuer="https://a.example", client_id="us", enabled=True, etag=_TAG, **_PROVIDER
    ),
    "remove_identity_provider": lambda m, _: m.identity_providers.delete(_ID, etag=_TAG),
    "announce_upload": lambda m, folder: (m.upload(a_film(folder, PIECES_FROM)), m.upload(a_film(folder, 5))),
    "receive_content": lambda m, folder: m.upload(a_film(folder, 5)),
    "complete_upload": lambda m, folder: m.upload(a_film(folder, PIECES_FROM)),
    "read_upload": lambda m, _: m.upload_state(_ID),
    "delete_upload": lambda m, _: m.discard_upload(_ID),
    "end_upload": lambda m, _: m.end_upload(_ID),
    "list_videos": lambda m, _: m.videos(),
    "submit_video": lambda m, _: (
        m.create_video(_ID, title="a", passthrough="b", on_duplicate="reuse"),
        m.import_video("https://films.example/a.mp4", title="a", passthrough="b"),
    )[1],
    "read_video": lambda m, _: m.video(_ID),
    "erase_video": lambda m, _: m.erase_video(_ID),
    "list_held": lambda m, _: m.held(_ID),
    "delete_held": lambda m, _: m.delete_held(_ID, "transcripts", etag=_TAG),
    "read_media": lambda m, _: m.media(_ID),
    "read_poster": lambda m, _: m.poster(_ID),
    "read_proxy": lambda m, folder: m.download_proxy(_ID, folder / "proxy"),
    "read_original": lambda m, folder: m.download_original(_ID, folder / "original"),
    "list_scripts": lambda m, _: m.scripts(),
    "submit_script": lambda m, folder: (
        m.add_script(a_script(folder), format="fountain"),
        m.add_script(a_table(folder), format="csv", columns={"text": "Satz"}),
    )[1],
    "read_script": lambda m, _: m.script(_ID),
    "erase_script": lambda m, _: m.erase_script(_ID),
    "read_script_content": lambda m, _: (m.script_text(_ID), m.script_content(_ID))[1],
    "estimate_job": lambda m, _: (
        m.usage.estimate(steps=["scenes"], video_id=_ID, options={"language": "en"}),
        m.usage.estimate(steps=["scenes"], media=Measures(duration=1, width=2, height=2, frame_rate=25), options={}),
    )[1],
    "list_jobs": lambda m, _: m.jobs(state="queued", video_id=_ID, **_TIMES),
    "request_job": lambda m, _: m.start_job(
        _ID, steps=["scenes"], script_id=_ID, options={"language": "en"}, priority="bulk", passthrough="a"
    ),
    "read_job": lambda m, _: m.job(_ID),
    "cancel_job": lambda m, _: m.cancel(_ID),
    "retry_job": lambda m, _: m.retry(_ID, steps=["scenes"]),
    "watch_job": lambda m, _: m.watch(_ID),
    "watch_events": lambda m, _: m.events(after="0", types=["job.finished"], job_id=_ID, video_id=_ID),
    "list_results": lambda m, _: m.results(_ID),
    "read_result": lambda m, folder: m.download_result(_ID, "keyframes/0003.jpg", folder / "frame"),
    "list_scenes": lambda m, _: m.scenes.list(**_OF),
    "read_scenes": lambda m, _: m.scenes.get(_ID),
    "read_keyframe": lambda m, _: m.keyframe(_ID, 3),
    "list_transcripts": lambda m, _: m.transcripts.list(**_OF),
    "read_transcript": lambda m, _: m.transcripts.get(_ID),
    "list_watermarks": lambda m, _: m.watermarks.list(**_OF),
    "read_watermarks": lambda m, _: m.watermarks.get(_ID),
    "list_renditions": lambda m, _: m.renditions.list(**_OF),
    "read_rendition": lambda m, _: m.renditions.get(_ID),
    "read_rendition_content": lambda m, folder: m.renditions.download(_ID, folder / "rendition"),
    "list_alignments": lambda m, _: m.alignments.list(**_OF),
    "read_alignment": lambda m, _: m.alignments.get(_ID),
    "correct_alignment": lambda m, _: m.alignments.correct(
        alignment(m), lines=[{"line_id": "L01", "confirmed": True}], ad_libs=[]
    ),
    "undo_correction": lambda m, _: m.alignments.undo(alignment(m)),
    "list_revisions": lambda m, _: m.alignments.history(_ID),
    "export_alignment": lambda m, _: m.alignments.export(_ID, "srt"),
    "invite_runner": lambda m, _: m.runners.invite(scope="shared", labels=["t4"], lifetime_s=600),
    "list_runners": lambda m, _: m.runners.list(),
    "read_runner": lambda m, _: m.runners.get(_ID),
    "release_runner": lambda m, _: m.runners.release(_ID),
    "rotate_runner": lambda m, _: m.runners.rotate(_ID),
    "pause_runner": lambda m, _: m.runners.pause(_ID),
    "drain_runner": lambda m, _: m.runners.drain(_ID),
    "resume_runner": lambda m, _: m.runners.resume(_ID),
    "revoke_runner": lambda m, _: m.runners.revoke(_ID),
    "list_logos": lambda m, _: m.logos.list(),
    "add_logo": lambda m, _: m.logos.add(b"picture", name="mark"),
    "read_logo": lambda m, _: m.logos.get(_ID),
    "remove_logo": lambda m, _: m.logos.remove(_ID),
    "read_logo_content": lambda m, _: m.logos.content(_ID),
    "search_passages": lambda m, _: m.search(
        "raven", kinds=["scripts"], video_id=_ID, script_id=_ID, language="en", limit=5
    ),
    "list_webhooks": lambda m, _: m.webhooks.list(),
    "register_webhook": lambda m, _: m.webhooks.create("https://a.example/", ["job.finished"], description="a"),
    "read_webhook": lambda m, _: m.webhooks.get(_ID),
    "change_webhook": lambda m, _: m.webhooks.change(
        _ID, url="https://a.example/", events=["job.finished"], description="a", enabled=True, etag=_TAG
    ),
    "remove_webhook": lambda m, _: m.webhooks.delete(_ID, etag=_TAG),
    "rotate_webhook": lambda m, _: m.webhooks.rotate(_ID, overlap_s=60),
    "ping_webhook": lambda m, _: m.webhooks.ping(_ID),
    "replay_failed": lambda m, _: m.webhooks.replay_failed(_ID, since=_AT),
    "list_deliveries": lambda m, _: m.webhooks.deliveries(_ID, state="failed"),
    "read_delivery": lambda m, _: m.webhooks.delivery(_ID, _ID),
    "replay_delivery": lambda m, _: m.webhooks.replay(_ID, _ID),
    "read_audit": lambda m, _: (
        m.audit_csv(),
        m.audit(user_id=_ID, action="read_me", resource_id=_ID, outcome="done", since=_AT, until=_AT),
    )[1],
    "verify_audit": lambda m, _: m.verify_audit(),
    "list_erasures": lambda m, _: m.erasures(),
    "read_erasure": lambda m, _: m.erasure(_ID),
    "read_receipt": lambda m, _: m.receipt("AZNj"),
    "read_retention": lambda m, _: m.retention(),
    "preview_retention": lambda m, _: m.preview_retention(
        **dict.fromkeys(("videos", "originals", "copies", "intermediates", "results", "transcripts", "renditions"), 1),
        **{"scripts": 1, "audit": 30, "webhook_deliveries": 1, "exports": 1, "events": 1, "usage": 400},
    ),
    "change_retention": lambda m, _: m.set_retention(m.retention()),
    "list_exports": lambda m, _: m.exports(),
    "request_export": lambda m, _: m.start_export(media=True),
    "read_export": lambda m, _: m.export(_ID),
    "read_export_content": lambda m, folder: m.download_export(_ID, folder / "export.zip"),
    "read_usage": lambda m, _: (m.usage.csv(), m.usage.report(date(2026, 11, 1), date(2026, 11, 2), by="day"))[1],
    "read_standing": lambda m, _: m.usage.standing(),
    "read_budget": lambda m, _: m.usage.budget(),
    "set_budget": lambda m, _: m.usage.set_budget(Decimal(5), hard=True, etag=_TAG),
    "drop_budget": lambda m, _: m.usage.drop_budget(etag=_TAG),
}
"""A call for each operation, with all that it may be given."""
WITHOUT_A_CLIENT = {"issue_token", "accept_invitation"}
IN_PIECES = {"create_upload", "append_piece", "read_offset"}


@pytest.fixture(scope="module")
def gateway() -> Iterator[DocumentedGateway]:
    with documented_gateway() as running:
        yield running


def test_every_operation_has_a_call() -> None:
    assert set(CALLS) | WITHOUT_A_CLIENT | IN_PIECES | BY_BROWSERS | OF_TUS == set(OPERATIONS)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_says_what_the_document_wants_and_understands_what_it_shows(
    gateway: DocumentedGateway, tmp_path: Path, name: str
) -> None:
    gateway.asked.clear()
    gateway.said.clear()
    gateway.wrong.clear()

    with Matchcut(gateway.url, Credentials("me@example.org", "secret"), patience_s=0) as matchcut:
        answer = CALLS[name](matchcut, tmp_path)
        first = answer if not isinstance(answer, Iterator) else next(answer)

    assert name in gateway.asked
    assert gateway.wrong == []
    assert may_be_said(name) - gateway.said[name] == set(), "what the client has no way to say"
    first = first[0] if isinstance(first, tuple) else first
    if isinstance(first, BaseModel) and name != "erase_video":  # which reads the erasure, too
        shown = shown_by(name, listed=isinstance(answer, Iterator | tuple))
        told = {field.alias or key for key, field in type(first).model_fields.items()}
        assert shown - told - set(first.model_extra or ()) == set(), "what the client does not pass on"


def test_a_large_film_is_sent_by_tus_where_no_bucket_takes_it(gateway: DocumentedGateway, tmp_path: Path) -> None:
    gateway.asked.clear()
    gateway.said.clear()
    gateway.arrived = 0

    with Matchcut(gateway.url, Credentials("me@example.org", "secret"), patience_s=0) as matchcut:
        matchcut._direct_offered = False
        matchcut.upload(a_film(tmp_path, PIECES_FROM))

    assert gateway.asked >= IN_PIECES
    assert gateway.arrived == PIECES_FROM
    for name in IN_PIECES:
        assert may_be_said(name) - gateway.said[name] == set(), name


def test_signing_in_says_all_it_may(gateway: DocumentedGateway) -> None:
    gateway.said.clear()
    gateway.wrong.clear()

    with Matchcut(gateway.url, Credentials("me@example.org", "secret"), patience_s=0) as matchcut:
        matchcut.me()
    signed_on(gateway)
    refreshed(gateway)
    accept_invitation(gateway.url, "invitation", "correct horse battery staple")

    assert gateway.wrong == []
    for name in WITHOUT_A_CLIENT:
        assert may_be_said(name) - gateway.said[name] == set(), name


def test_every_argument_of_the_client_has_a_type() -> None:
    kinds = [Matchcut, *(getattr(client, name) for name in ("Usage", "Webhooks")), Search, IdentityProviders, Logos]
    untyped = []

    for kind in [*kinds, Collection, Renditions, Alignments]:
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if name.startswith("_") and name != "__call__":
                continue
            hints = typing.get_type_hints(method)
            parameters = [one for one in inspect.signature(method).parameters if one != "self"]
            untyped += [f"{name}({one})" for one in (*parameters, "return") if hints.get(one, Any) is Any]

    assert untyped == []


def may_be_said(name: str) -> set[str]:
    """The names that the document has for a request: in its query, its headers and its body."""
    operation = OPERATIONS[name]
    parameters = {one["name"].lower() for one in operation.get("parameters", ()) if one["in"] in ("query", "header")}
    contents = list(operation.get("requestBody", {}).get("content", {}).values())
    body = set(schema_of(contents[0]).get("properties", {})) if contents else set()
    return (parameters | body) - READ_AGAIN - NEVER_SAID.get(name, set())


def shown_by(name: str, *, listed: bool) -> set[str]:
    """The names in an answer, or in each of those it lists."""
    answers = OPERATIONS[name]["responses"]
    content = answers[min(status for status in answers if status.startswith("2"))].get("content", {})
    properties = dict(schema_of(content.get("application/json", {})).get("properties", {}))
    if listed and "items" in properties:
        item = properties["items"]["items"]
        return set(schema_of({"schema": item}).get("properties", {}))
    return set(properties)


def test_the_document_is_the_one_that_is_read() -> None:
    assert len(OPERATIONS) > 100
    assert DOCUMENT["openapi"].startswith("3.1")
