"""Somebody uploads what is not a video: they are told what is wrong, and the service stays up for the next one."""

from pathlib import Path

import pytest

from matchcut.client import Matchcut
from support.story_films import finished

NOT_VIDEOS = {
    "empty": (b"", {"empty"}),
    "text": (b"Dear diary, today I renamed a letter to film.mp4.\n" * 40, {"not_media"}),
    "playlist": (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", {"forbidden_format", "not_media"}),
    "header-alone": (
        b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41",
        {"undecodable", "truncated", "not_media"},
    ),
}


@pytest.mark.parametrize("kind", NOT_VIDEOS)
def test_a_file_that_is_no_video_is_rejected_with_a_reason_and_its_job_fails(
    kind: str, matchcut: Matchcut, tmp_path: Path
) -> None:
    content, reasons = NOT_VIDEOS[kind]
    path = tmp_path / "film.mp4"
    path.write_bytes(content)

    video = matchcut.add_video(path)
    job = finished(matchcut, matchcut.start_job(video.id, steps=["scenes", "transcript"]))

    rejection = matchcut.video(video.id).rejection
    assert rejection is not None
    assert rejection.reason in reasons
    assert len(rejection.detail) > 20
    assert job.state == "failed"
    assert {step.reason for step in job.steps} & reasons
    assert all(step.state in {"failed", "cancelled"} for step in job.steps)


def test_after_bad_files_a_good_one_still_goes_through(matchcut: Matchcut, film: tuple[Path, Path]) -> None:
    video = matchcut.add_video(film[0])

    job = finished(matchcut, matchcut.start_job(video.id, steps=["scenes"]))

    assert job.state == "succeeded"
    assert matchcut.video(video.id).state == "ready"
    assert all(step.engine and step.seconds for step in job.steps), job.steps
