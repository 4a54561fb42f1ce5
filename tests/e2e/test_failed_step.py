"""A step fails for a reason an operator can mend; they mend it and retry: only the failed steps are done again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from matchcut.client import Conflict, Matchcut
from matchcut.launcher import DataFolder, Launcher, running
from support.story_films import finished


@pytest.fixture
def broken_weights(tmp_path: Path) -> Path:
    """Mounted weights as a bad copy leaves them."""
    weights = tmp_path / "weights" / "whisper-base" / "model.bin"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"half a model")
    return weights


@pytest.fixture
def launcher(tmp_path: Path, broken_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launcher]:
    """A Matchcut whose operator mounted those weights."""
    monkeypatch.setenv("TRANSCRIBE_MODELS_DIR", str(broken_weights.parents[1]))
    with running(DataFolder.at(tmp_path / "data")) as launched:
        yield launched


def test_a_failed_transcript_says_why_and_a_retry_redoes_only_what_failed(
    matchcut: Matchcut, film: tuple[Path, Path], broken_weights: Path
) -> None:
    video, script = matchcut.add_video(film[0]), matchcut.add_script(film[1])

    failed = finished(
        matchcut, matchcut.start_job(video.id, steps=["scenes", "transcript", "alignment"], script_id=script.id)
    )

    states = {step.step.value: step for step in failed.steps}
    assert failed.state == "failed"
    assert states["scenes"].state == "succeeded"
    assert states["transcript"].state == states["alignment"].state == "failed"
    assert states["transcript"].reason == "model_unavailable"
    assert "model.bin" in (states["transcript"].detail or "")
    assert states["alignment"].reason == "transcript_failed"

    broken_weights.unlink()
    mended = finished(matchcut, matchcut.retry(failed.id))

    assert mended.state == "succeeded"
    runs = {step.step.value: step.run for step in mended.steps}
    assert runs["scenes"] == 1
    assert runs["transcript"] == runs["alignment"] == 2
    with pytest.raises(Conflict):
        matchcut.retry(mended.id)
