"""One film through the product: upload, ask, watch to the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matchcut.client import Job, Matchcut, Video
from matchcut.progress import JobProgress

__all__ = ["Errand", "Rejected", "run_errand"]


class Rejected(Exception):
    """The video was turned away; the job is over."""

    def __init__(self, video: Video, job: Job) -> None:
        rejection = video.rejection
        super().__init__(
            f"the video was rejected ({rejection.reason}): {rejection.detail}" if rejection else "rejected"
        )
        self.video = video
        self.job = job


@dataclass(frozen=True)
class Errand:
    """What to do with which files."""

    film: Path
    steps: Sequence[str]
    script: Path | None = None
    title: str | None = None
    options: Mapping[str, Any] | None = None
    priority: str | None = None
    columns: Mapping[str, str] | None = None
    """Of a script that is a table."""


def run_errand(client: Matchcut, errand: Errand, progress: JobProgress) -> Job:
    """The finished job, however it ended. Raises Rejected when the video was turned away.

    An interrupt cancels the job before it goes on its way.
    """
    progress.part("upload", 0.0, errand.film.name)

    def uploaded(sent: int, total: int | None) -> None:
        progress.part("upload", min(0.99, sent / total) if total else 0.0, f"{sent / 1e6:.1f} MB")

    video = client.add_video(errand.film, title=(errand.title or errand.film.stem)[:255], on_bytes=uploaded)
    progress.part("upload", 1.0, f"{errand.film.stat().st_size / 1e6:.1f} MB")
    script = client.add_script(errand.script, columns=errand.columns) if errand.script else None
    job = client.start_job(
        video.id,
        steps=errand.steps,
        script_id=script.id if script else None,
        options=errand.options,
        priority=errand.priority,
    )
    try:
        for changed in client.watch(job.id):
            job = changed
            progress.job(job)
    except KeyboardInterrupt:
        client.cancel(job.id)
        raise
    if job.state == "failed":
        video = client.video(video.id)
        if video.state == "rejected":
            raise Rejected(video, job)
    return job
