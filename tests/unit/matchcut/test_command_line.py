"""The command line's manners: exit codes, and JSON where it was asked for."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from matchcut.main import app
from support.small_gateway import JOB_ID, SmallGateway, a_job, small_gateway

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No gateway but the one a test names, and a data folder of its own."""
    for name in ("MATCHCUT_URL", "MATCHCUT_TOKEN", "MATCHCUT_USER", "MATCHCUT_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MATCHCUT_HOME", str(tmp_path / "home"))


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallGateway]:
    with small_gateway() as served:
        monkeypatch.setenv("MATCHCUT_URL", served.url)
        monkeypatch.setenv("MATCHCUT_USER", "me@example.org")
        monkeypatch.setenv("MATCHCUT_PASSWORD", "secret")
        yield served


UPSCALE = ("process", __file__, "--out", "x", "--upscale", "x2")


def test_the_exit_codes_are_in_the_help() -> None:
    for words in (["--help"], ["process", "--help"], ["job", "list", "--help"]):
        assert "the video was" in " ".join(RUNNER.invoke(app, words).stdout.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["process", "absent.mp4", "--out", "x"], "no file absent.mp4"),
        (["process", __file__, "--out", "x", "--range", "3-5"], "add --upscale"),
        (["process", __file__, "--out", "x", "--upscale", "x9"], "x2, x3 or x4"),
        (["process", __file__, "--out", "x", "--upscale", "x2", "--range", "5-3"], "ends before it begins"),
        ([*UPSCALE, "--scenes", "a-b"], "--scenes takes numbers like 2,5 or 3-7"),
        ([*UPSCALE, "--scenes", "7-3"], "ends before it begins"),
        ([*UPSCALE, "--lines", "3-7"], "add --script"),
        ([*UPSCALE, "--only"], "add --range, --scenes or --lines"),
        ([*UPSCALE, "--codec", "divx"], "h264, h265, av1, ffv1"),
        ([*UPSCALE, "--codec", "ffv1", "--container", "mp4"], "needs --container mkv"),
        ([*UPSCALE, "--preset", "warp"], "ultrafast"),
        (["process", __file__, "--out", "x", "--steps", "dance"], "no step 'dance'"),
        (["process", __file__, "--out", "x", "--steps", "alignment"], "needs --script"),
        (["process", __file__, "--out", "x", "--recognizer", "best"], "fast, accurate"),
        (["process", __file__, "--out", __file__], "is a file"),
        (["job", "list"], "start it with `matchcut up`"),
        (["dlq", "list"], "start it with `matchcut up`"),
        (["dlq", "drop"], "--all"),
        (["dlq", "replay", "--limit", "3"], "--all"),
        (["work", "cancel", "--why=--kind"], "--all"),
        (["work", "requeue", "--limit", "3"], "--all"),
        (["env", "vision"], "no service 'vision' runs"),
    ],
)
def test_what_makes_no_sense_is_said_in_words_with_exit_code_2(words: list[str], said: str) -> None:
    run = RUNNER.invoke(app, words)

    assert run.exit_code == 2, run.output
    assert _unbroken(said) in _unbroken(run.stderr)


def test_with_json_even_a_failure_is_json_on_stdout() -> None:
    run = RUNNER.invoke(app, ["job", "list", "--json"])

    told = json.loads(run.stdout)
    assert run.exit_code == told["exit_code"] == 2
    assert "matchcut up" in told["error"]


def test_a_gateway_that_refuses_us_is_exit_code_4(gateway: SmallGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHCUT_PASSWORD", "guess")

    run = RUNNER.invoke(app, ["job", "show", JOB_ID])

    assert run.exit_code == 4
    assert "wrong password" in run.stderr


def test_nothing_running_is_told_by_status_with_exit_code_1() -> None:
    run = RUNNER.invoke(app, ["status", "--json"])

    assert run.exit_code == 1
    assert json.loads(run.stdout)["running"] is False


def test_stopping_what_does_not_run_is_fine() -> None:
    assert RUNNER.invoke(app, ["down"]).exit_code == 0


def test_jobs_are_listed_as_they_are(gateway: SmallGateway) -> None:
    run = RUNNER.invoke(app, ["job", "list", "--limit", "2", "--json"])

    assert run.exit_code == 0, run.output
    assert [job["fraction"] for job in json.loads(run.stdout)] == [0.0, 0.1]


def test_a_failed_job_is_exit_code_1(gateway: SmallGateway) -> None:
    failed = a_job("failed", 0.5)
    failed["steps"][0] |= {"reason": "no_audio_decoded", "detail": "the sound cannot be read"}
    gateway.streams = [[failed]]

    run = RUNNER.invoke(app, ["job", "watch", JOB_ID, "--json"])

    assert run.exit_code == 1
    assert json.loads(run.stdout)["state"] == "failed"
    assert "no_audio_decoded" in run.stderr


def test_a_film_is_processed_into_a_folder(gateway: SmallGateway, tmp_path: Path) -> None:
    gateway.streams = [[a_job("running", 0.5), a_job("succeeded", 1.0)]]
    gateway.files = {"watermarks.json": b'{"marks": []}'}
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")

    run = RUNNER.invoke(app, ["process", str(film), "--out", str(tmp_path / "out"), "--json"])

    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert told["files"] == ["watermarks.json", "report.html", "job.json"]
    assert (tmp_path / "out" / "report.html").exists()


def test_a_rejected_film_is_exit_code_3_with_the_reason(gateway: SmallGateway, tmp_path: Path) -> None:
    gateway.streams = [[a_job("failed", 0.0)]]
    gateway.video |= {"state": "rejected", "rejection": {"reason": "not_media", "detail": "this is a text"}}
    film = tmp_path / "film.mp4"
    film.write_bytes(b"Dear diary")

    run = RUNNER.invoke(app, ["process", str(film), "--out", str(tmp_path / "out"), "--json"])

    assert run.exit_code == 3
    assert json.loads(run.stdout)["rejection"] == {"reason": "not_media", "detail": "this is a text"}


def _unbroken(text: str) -> str:
    """Without what Typer breaks long lines with, its frame included."""
    return "".join(text.replace("\N{BOX DRAWINGS LIGHT VERTICAL}", "").split())
