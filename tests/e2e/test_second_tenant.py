"""Another studio on the same Matchcut sees nothing of ours, whatever it asks for."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from matchcut.client import Credentials, Job, Matchcut, NotFound
from matchcut.launcher import Launcher
from matchcut.launcher.environment import inherited
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


@pytest.fixture
def ours(matchcut: Matchcut, film: tuple[Path, Path]) -> Job:
    """A finished job of the first tenant."""
    video, script = matchcut.add_video(film[0]), matchcut.add_script(film[1])
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
