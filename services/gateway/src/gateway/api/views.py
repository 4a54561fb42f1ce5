"""From what we know to what clients see."""

from dataclasses import asdict
from urllib.parse import quote

from contracts.documents import StepReport
from gateway.api import schemas
from gateway.domain.jobs import Job
from gateway.domain.library import Script, Upload, Video
from gateway.usecases.results import Result

__all__ = ["job_view", "result_view", "script_view", "upload_view", "video_view"]


def upload_view(upload: Upload, *, max_bytes: int) -> schemas.Upload:
    """An upload, with where its bytes go."""
    return schemas.Upload(
        id=upload.id,
        state=upload.state,
        filename=upload.filename,
        content_url=f"/v1/uploads/{upload.id}/content",
        max_bytes=max_bytes if upload.expected_bytes is None else upload.expected_bytes,
        size_bytes=upload.size_bytes,
        sha256=upload.sha256,
        created_at=upload.created_at,
    )


def video_view(video: Video) -> schemas.Video:
    """A video, without where its blobs are."""
    return schemas.Video(
        id=video.id,
        state=video.state,
        title=video.title,
        filename=video.filename,
        size_bytes=video.size_bytes,
        sha256=video.sha256,
        media=None if video.media is None else schemas.MediaSummary.model_validate(video.media),
        rejection=None if video.rejection is None else schemas.Rejection(**asdict(video.rejection)),
        passthrough=video.passthrough,
        created_at=video.created_at,
    )


def script_view(script: Script) -> schemas.Script:
    """A script, without its text."""
    return schemas.Script(
        id=script.id,
        filename=script.filename,
        format=script.format,
        sha256=script.sha256,
        size_bytes=script.size_bytes,
        created_at=script.created_at,
    )


def job_view(job: Job) -> schemas.Job:
    """A job with its steps, and the first failure if there is one."""
    steps = tuple(job.steps.values())
    failed = next((status for status in steps if status.state == "failed"), None)
    error = failed and schemas.JobError(step=failed.step, reason=failed.reason or "", detail=failed.detail or "")
    return schemas.Job(
        id=job.id,
        video_id=job.video_id,
        script_id=job.script_id,
        state=job.state,
        fraction=round(job.fraction, 4),
        run=job.run,
        steps=tuple(StepReport(**asdict(status)) for status in steps),
        created_at=job.created_at,
        finished_at=job.finished_at,
        passthrough=job.passthrough,
        error=error,
    )


def result_view(job_id: object, result: Result) -> schemas.ResultView:
    """A result, with where to get it."""
    return schemas.ResultView(
        name=result.name,
        url=f"/v1/jobs/{job_id}/results/{quote(result.name)}",
        content_type=result.content_type,
        size_bytes=result.stat.size,
    )
