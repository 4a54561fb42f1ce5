"""The client against a real HTTP server: signing in, sending, following, and what happens when things break."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from matchcut.client import (
    Credentials,
    Invalid,
    Matchcut,
    NotFound,
    TooMany,
    TransferBroken,
    Unauthorised,
    Unreachable,
)
from support.small_gateway import JOB_ID, VIDEO_ID, SmallGateway, a_job, small_gateway


@pytest.fixture
def gateway() -> Iterator[SmallGateway]:
    with small_gateway() as served:
        yield served


def client_of(gateway: SmallGateway, *, password: str = "secret", patience_s: float = 3) -> Matchcut:
    return Matchcut(gateway.url, Credentials("me@example.org", password), patience_s=patience_s)


def test_signing_in_happens_once_for_many_requests(gateway: SmallGateway) -> None:
    with client_of(gateway) as client:
        first, second = client.me(), client.me()

    assert first == second
    assert first.email == "me@example.org"
    assert gateway.tokens == 1


def test_a_worn_out_token_is_renewed_without_the_caller_noticing(gateway: SmallGateway) -> None:
    with client_of(gateway) as client:
        client.me()
        gateway.good_tokens.clear()

        client.me()

    assert gateway.tokens == 2
    assert gateway.count("GET", "/v1/me") == 3


def test_a_wrong_password_is_a_refusal_and_not_tried_again(gateway: SmallGateway) -> None:
    with client_of(gateway, password="guess") as client, pytest.raises(Unauthorised, match="wrong password"):
        client.me()

    assert gateway.count("POST", "/v1/auth/token") == 1


def test_a_problem_document_becomes_a_typed_error_with_the_field_at_fault(gateway: SmallGateway) -> None:
    gateway.faults = [422]

    with client_of(gateway) as client, pytest.raises(Invalid) as caught:
        client.start_job(UUID(VIDEO_ID), steps=["upscale"])

    assert caught.value.type == "/problems/invalid-request"
    assert caught.value.fields == (("options.upscale.scale", "must be 2, 3 or 4"),)
    assert caught.value.trace_id == "trace-1"


def test_a_gateway_that_is_being_restarted_is_waited_for(gateway: SmallGateway) -> None:
    gateway.faults = ["drop", 503, 502]

    with client_of(gateway) as client:
        job = client.start_job(UUID(VIDEO_ID), steps=["scenes"])

    assert job.state == "queued"
    keys = {headers["idempotency-key"] for headers in gateway.headers if "idempotency-key" in headers}
    assert gateway.count("POST", "/v1/jobs") == 4
    assert len(keys) == 1  # a repeat is recognised as one


def test_a_gateway_that_has_no_place_is_not_asked_again_before_the_time_it_named(
    gateway: SmallGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.faults = [(429, 17), 503, (429, 21)]
    waited: list[float] = []
    monkeypatch.setattr("matchcut.client.api.time.sleep", waited.append)

    with client_of(gateway, patience_s=60) as client:
        job = client.start_job(UUID(VIDEO_ID), steps=["scenes"])

    keys = {headers["idempotency-key"] for headers in gateway.headers if "idempotency-key" in headers}
    assert job.state == "queued"
    assert (waited[0], waited[2]) == (17, 21)
    assert waited[1] < 2
    assert len(keys) == 1


def test_a_wait_longer_than_our_patience_is_said_at_once(gateway: SmallGateway) -> None:
    gateway.faults = [(429, 3600)]

    with client_of(gateway) as client, pytest.raises(TooMany) as caught:
        client.start_job(UUID(VIDEO_ID), steps=["scenes"])

    assert caught.value.retry_after_s == 3600
    assert gateway.count("POST", "/v1/jobs") == 1


def test_nobody_at_the_address_is_said_after_the_patience_is_over() -> None:
    with (
        Matchcut("http://127.0.0.1:9", Credentials("a", "b"), patience_s=0.3) as client,
        pytest.raises(Unreachable, match="127"),
    ):
        client.me()


def test_an_upload_arrives_whole_and_tells_how_far_it_is(gateway: SmallGateway, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(range(256)) * 3000)
    heard: list[tuple[int, int | None]] = []

    with client_of(gateway) as client:
        upload = client.upload(film, on_bytes=lambda done, total: heard.append((done, total)))

    assert gateway.uploaded == film.read_bytes()
    assert upload.size_bytes == film.stat().st_size
    assert heard[-1] == (768_000, 768_000)


def test_an_upload_that_broke_off_is_sent_again_from_the_start(gateway: SmallGateway, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film" * 1000)

    with client_of(gateway) as client:
        client.me()
        created = client.me  # the token is there, so the next requests are the upload's own
        created()
        gateway.faults = [503]
        client.upload(film)

    assert gateway.uploaded == film.read_bytes()


def test_bytes_that_changed_on_the_way_are_noticed(
    gateway: SmallGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")
    monkeypatch.setattr("matchcut.client.transfers.Outgoing.sha256", "0" * 64)

    with client_of(gateway) as client, pytest.raises(TransferBroken, match="upload it again"):
        client.upload(film)


def test_pages_are_followed_to_the_last(gateway: SmallGateway) -> None:
    with client_of(gateway) as client:
        jobs = list(client.jobs())

    assert [job.fraction for job in jobs] == [0.0, 0.1, 0.2]


def test_watching_yields_every_change_until_the_end(gateway: SmallGateway) -> None:
    gateway.streams = [[a_job("queued", 0.0), a_job("running", 0.5), a_job("running", 0.5), a_job("succeeded", 1.0)]]

    with client_of(gateway) as client:
        seen = [(job.state, job.fraction) for job in client.watch(UUID(JOB_ID))]

    assert seen == [("queued", 0.0), ("running", 0.5), ("succeeded", 1.0)]


def test_a_broken_stream_is_taken_up_where_it_ended(gateway: SmallGateway) -> None:
    gateway.streams = [[a_job("queued", 0.0), a_job("running", 0.2)], [a_job("succeeded", 1.0)]]

    with client_of(gateway) as client:
        seen = [job.state for job in client.watch(UUID(JOB_ID))]

    asked = [
        headers.get("last-event-id") for headers in gateway.headers if headers.get("accept") == "text/event-stream"
    ]
    assert seen == ["queued", "running", "succeeded"]
    assert asked == [None, "1-1"]


def test_without_a_stream_the_job_is_asked_for_instead(gateway: SmallGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matchcut.client.watching._POLL_S", 0.01)
    gateway.polled = [a_job("running", 0.1), a_job("running", 0.6), a_job("failed", 0.6)]

    with client_of(gateway) as client:
        seen = [(job.state, job.fraction) for job in client.watch(UUID(JOB_ID))]

    assert seen == [("running", 0.1), ("running", 0.6), ("failed", 0.6)]


def test_a_download_that_broke_off_goes_on_where_it_was(gateway: SmallGateway, tmp_path: Path) -> None:
    gateway.files = {"rendition.mp4": b"0123456789" * 5000}
    gateway.break_download_after = 12_345

    with client_of(gateway) as client:
        client.download("/files/rendition.mp4", tmp_path / "rendition.mp4")

    ranges = [headers["range"] for headers in gateway.headers if "range" in headers]
    assert (tmp_path / "rendition.mp4").read_bytes() == gateway.files["rendition.mp4"]
    assert ranges == ["bytes=12345-"]
    assert [path.name for path in tmp_path.iterdir()] == ["rendition.mp4"]


def test_a_file_that_is_not_there_leaves_nothing_behind(gateway: SmallGateway, tmp_path: Path) -> None:
    with client_of(gateway) as client, pytest.raises(NotFound, match="not there"):
        client.download("/files/absent.json", tmp_path / "absent.json")

    assert list(tmp_path.iterdir()) == []
