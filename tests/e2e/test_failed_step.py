"""A step fails for a reason an operator can mend; they mend it and retry: only the failed steps are done again."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from matchcut.client import Conflict, Matchcut
from matchcut.launcher import DataFolder, Launcher, running
from support.story_films import finished


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launcher]:
    """A Matchcut whose operator asked for a recognizer and forgot to install it."""
    monkeypatch.setenv("TRANSCRIBE_RECOGNIZER", "whisperx")
    with running(DataFolder.at(tmp_path / "data")) as launched:
        yield launched


def test_a_failed_transcript_says_why_and_a_retry_redoes_only_what_failed(
    matchcut: Matchcut, launcher: Launcher, film: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    video, script = matchcut.add_video(film[0]), matchcut.add_script(film[1])

    failed = finished(
        matchcut, matchcut.start_job(video.id, steps=["scenes", "transcript", "alignment"], script_id=script.id)
    )

    states = {step.step.value: step for step in failed.steps}
    assert failed.state == "failed"
    assert states["scenes"].state == "succeeded"
    assert states["transcript"].state == states["alignment"].state == "failed"
    assert states["transcript"].reason == "recognizer_missing"
    assert "TRANSCRIBE_RECOGNIZER=whisper" in (states["transcript"].detail or "")
    assert states["alignment"].reason == "transcript_failed"

    monkeypatch.setenv("TRANSCRIBE_RECOGNIZER", "whisper")
    transcribe = next(service for service in launcher.fleet.services if service.name == "transcribe")
    assert transcribe.pid is not None
    os.kill(transcribe.pid, signal.SIGTERM)  # the launcher starts it again, with what is set now
    mended = finished(matchcut, matchcut.retry(failed.id))

    assert mended.state == "succeeded"
    runs = {step.step.value: step.run for step in mended.steps}
    assert runs["scenes"] == 1
    assert runs["transcript"] == runs["alignment"] == 2
    with pytest.raises(Conflict):
        matchcut.retry(mended.id)
