"""Result folders: exactly the files that were promised, whole or not at all."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from matchcut.client import ApiError, Credentials, Job, Matchcut
from matchcut.outputs import write_outputs
from support.small_gateway import VIDEO_ID, SmallGateway, a_job, small_gateway

SCENES = {
    "scenes": [
        {
            "index": 0, "start_frame": 0, "end_frame": 9, "start": 0, "end": 1, "transition": "start", "score": 1,
            "keyframe": "/v1/jobs/x/results/keyframes/0000.jpg",
        }
    ]
}  # fmt: skip
JOB = Job.model_validate(a_job("succeeded", 1.0))


@pytest.fixture
def gateway() -> Iterator[SmallGateway]:
    with small_gateway() as served:
        served.files = {"scenes.json": json.dumps(SCENES).encode(), "keyframes/0000.jpg": b"jpeg", "qc.txt": b"odd"}
        yield served


@pytest.fixture
def client(gateway: SmallGateway) -> Iterator[Matchcut]:
    with Matchcut(gateway.url, Credentials("me", "secret"), patience_s=0.2) as connected:
        yield connected


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_known_results_a_job_report_and_a_page_are_written(client: Matchcut, tmp_path: Path) -> None:
    files = write_outputs(client, JOB, tmp_path / "out", title="Film")

    assert names(tmp_path / "out") == {"scenes.json", "keyframes/0000.jpg", "job.json", "report.html"}
    assert [path.name for path in files] == ["scenes.json", "report.html", "job.json", "0000.jpg"]


def test_key_frames_are_named_as_the_files_they_are(client: Matchcut, tmp_path: Path) -> None:
    write_outputs(client, JOB, tmp_path, title="Film")

    assert json.loads((tmp_path / "scenes.json").read_text())["scenes"][0]["keyframe"] == "keyframes/0000.jpg"


@pytest.mark.parametrize(
    "evil", ["../evil.json", "/etc/evil", "keyframes/../../evil.jpg", "keyframes/a/b.jpg", ".bashrc"]
)
def test_a_name_from_the_net_never_chooses_where_we_write(
    client: Matchcut, gateway: SmallGateway, tmp_path: Path, evil: str
) -> None:
    gateway.files[evil] = b"evil"

    write_outputs(client, JOB, tmp_path / "a" / "out", title="Film")

    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"evil"]


def test_what_an_earlier_run_left_goes_away_and_other_files_stay(client: Matchcut, tmp_path: Path) -> None:
    (tmp_path / "rendition.mp4").write_text("of an earlier run")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "keyframes").mkdir()
    (tmp_path / "keyframes" / "0099.jpg").write_text("old")

    write_outputs(client, JOB, tmp_path, title="Film")

    assert names(tmp_path) == {"scenes.json", "keyframes/0000.jpg", "job.json", "report.html", "notes.txt"}


def test_when_it_breaks_in_the_middle_the_folder_is_as_it_was(
    client: Matchcut, gateway: SmallGateway, tmp_path: Path
) -> None:
    (tmp_path / "scenes.json").write_text("of an earlier run")
    client.video(UUID(VIDEO_ID))  # signed in
    client.results(JOB.id)
    gateway.faults = [500]

    with pytest.raises(ApiError):
        write_outputs(client, JOB, tmp_path, title="Film")

    assert names(tmp_path) == {"scenes.json"}
    assert (tmp_path / "scenes.json").read_text() == "of an earlier run"
