"""Another studio on the same Matchcut sees nothing of ours, whatever it asks for; and nobody does once it is erased."""

import hashlib
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import jwt
import pytest

from contracts.registry import SERVICES
from matchcut.client import Credentials, Job, Matchcut, NotFound
from matchcut.launcher import Launcher
from matchcut.launcher.environment import inherited
from support.leftovers import completed, kept_by
from support.story_films import finished


@pytest.fixture
def stranger(launcher: Launcher) -> Iterator[Matchcut]:
    """The owner of a second tenant."""
    password = secrets.token_urlsafe(16)
    gateway = next(service for service in launcher.fleet.services if service.name == "gateway")
    command = [sys.executable, "-m", "gateway.main", "bootstrap", "--tenant", "Rival Pictures"]
    made = subprocess.run(
        [*command, "--email", "owner@rival.example", "--password-stdin", "--json"],
        input=password, capture_output=True, text=True, check=True, env=inherited(gateway.environment),
    )  # fmt: skip
    assert UUID(json.loads(made.stdout)["tenant_id"])
    with Matchcut(launcher.url, Credentials("owner@rival.example", password)) as client:
        yield client


CANARY = "Nobody but this film has ever said: the raven himself is hoarse."


@pytest.fixture(scope="module")
def own_film(film: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A film and a script that no other story has."""
    folder = tmp_path_factory.mktemp("own")
    copy, script = folder / "lady macbeth.mp4", folder / "inverness.txt"
    copy.write_bytes(film[0].read_bytes() + b"\x00\x00\x00\x10free" + b"ours".ljust(8))
    script.write_text(film[1].read_text() + CANARY + "\n")
    return copy, script


@pytest.fixture(scope="module")
def ours(launcher: Launcher, own_film: tuple[Path, Path]) -> Job:
    """A finished job of the first tenant."""
    with Matchcut(launcher.url, launcher.credentials) as matchcut:
        video, script = matchcut.add_video(own_film[0]), matchcut.add_script(own_film[1])
        steps = ["scenes", "transcript", "alignment"]
        job = finished(matchcut, matchcut.start_job(video.id, steps=steps, script_id=script.id))
        assert job.state == "succeeded"
        return job


def test_a_second_tenant_sees_nothing(matchcut: Matchcut, stranger: Matchcut, ours: Job) -> None:
    results = [item.url for item in matchcut.results(ours.id)]
    addresses = [
        f"/v1/videos/{ours.video_id}",
        *(f"/v1/videos/{ours.video_id}/{part}" for part in ("media", "poster", "proxy", "original")),
        f"/v1/scripts/{ours.script_id}",
        f"/v1/jobs/{ours.id}",
        f"/v1/jobs/{ours.id}/events",
        f"/v1/jobs/{ours.id}/results",
        *results,
    ]
    assert len(results) >= 4

    for address in addresses:
        assert matchcut.read_bytes(address), address
        with pytest.raises(NotFound):
            stranger.read_bytes(address)

    assert list(stranger.videos()) == []
    assert list(stranger.jobs()) == []
    for act in (stranger.cancel, stranger.retry):
        with pytest.raises(NotFound):
            act(ours.id)
    with pytest.raises(NotFound):
        stranger.start_job(ours.video_id, steps=["scenes"])
    with pytest.raises(NotFound):
        stranger.erase_video(ours.video_id)
    assert matchcut.video(ours.video_id).state == "ready"


def test_what_is_erased_is_in_no_table_no_blob_and_no_message_of_any_service(
    matchcut: Matchcut, launcher: Launcher, ours: Job, own_film: tuple[Path, Path]
) -> None:
    assert ours.script_id is not None
    film, script_file = own_film
    digest = hashlib.sha256(film.read_bytes()).hexdigest()
    ids = [str(ours.video_id), str(ours.id), str(ours.script_id)]
    traces = [*ids, CANARY, film.name, script_file.name, digest]
    before = kept_by(launcher)
    assert all(trace in before for trace in traces), "else this test would find nothing whatever was left"

    video, script = matchcut.erase_video(ours.video_id), matchcut.erase_script(ours.script_id)
    ended = [completed(matchcut, erasure) for erasure in (video, script)]

    kept = kept_by(launcher)
    for trace in traces:
        assert [line[:300] for line in kept.splitlines() if trace in line] == [], trace
    published = json.loads(matchcut.read_bytes("/.well-known/receipt-keys.json"))
    for erasure, services in zip(ended, (set(SERVICES), {"gateway", "align"}), strict=True):
        assert erasure.receipt is not None
        kid = jwt.get_unverified_header(erasure.receipt)["kid"]
        (key,) = [jwt.PyJWK(one) for one in published["keys"] if one["kid"] == kid]
        claims = jwt.decode(erasure.receipt, key, algorithms=["ES256"])
        assert claims["erased"] == {"kind": erasure.kind, "id": str(erasure.subject_id)}
        assert set(claims["services"]) == services
        assert film.stem not in str(claims)
    with pytest.raises(NotFound):
        matchcut.video(ours.video_id)
