"""From what we know to what clients see."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

from contracts.documents import StepReport
from gateway.api import intake_schemas, job_schemas, people_schemas, schemas
from gateway.domain.jobs import Job
from gateway.domain.library import Script, Upload, Video
from gateway.domain.progress import StepStatus
from gateway.ports import ApiKey, Session, User
from gateway.usecases.results import Result
from gateway.usecases.users import Invited

__all__ = [
    "api_key_view",
    "direct_view",
    "invitation_view",
    "job_view",
    "result_view",
    "script_view",
    "sessions_view",
    "upload_view",
    "user_view",
    "video_view",
]

_OF_A_STEP = tuple(field.name for field in fields(StepStatus))
"""``asdict`` copies values that cannot change: a list of jobs spent a quarter of its time on that."""


def upload_view(upload: Upload, *, max_bytes: int) -> intake_schemas.Upload:
    """An upload, with where its bytes go."""
    return intake_schemas.Upload(
        id=upload.id,
        state=upload.state,
        filename=upload.filename,
        content_url=f"/v1/uploads/{upload.id}/content",
        max_bytes=max_bytes if upload.expected_bytes is None else upload.expected_bytes,
        size_bytes=None if upload.state == "waiting" else upload.size_bytes,
        sha256=upload.sha256,
        failure=None if upload.failure is None else schemas.Rejection(**asdict(upload.failure)),
        created_at=upload.created_at,
    )


def direct_view(upload: Upload, url: str, *, max_bytes: int, expires_at: datetime) -> intake_schemas.Upload:
    """An upload to the bucket, with the address it goes to."""
    target = intake_schemas.DirectTarget(
        url=url,
        headers={"Content-Type": "application/octet-stream"},
        complete_url=f"/v1/uploads/{upload.id}/complete",
        expires_at=expires_at,
    )
    return upload_view(upload, max_bytes=max_bytes).model_copy(update={"direct": target})


def video_view(video: Video) -> schemas.Video:
    """A video, without where its blobs are."""
    known = video.sha256 != "" or video.state == "erased"
    return schemas.Video(
        id=video.id,
        state=video.state,
        title=video.title,
        filename=video.filename,
        size_bytes=video.size_bytes if known else None,
        sha256=video.sha256 if known else None,
        media=None if video.media is None else schemas.MediaSummary.model_validate(video.media),
        rejection=None if video.rejection is None else schemas.Rejection(**asdict(video.rejection)),
        duplicate_of=video.duplicate_of,
        passthrough=video.passthrough,
        created_at=video.created_at,
        original_deleted_at=video.original_deleted_at,
        copies_deleted_at=video.copies_deleted_at,
    )


def script_view(script: Script) -> schemas.Script:
    """A script, without its text."""
    return schemas.Script(
        id=script.id,
        filename=script.filename,
        format=script.format,
        columns=script.columns,
        sha256=script.sha256,
        size_bytes=script.size_bytes,
        created_at=script.created_at,
    )


def job_view(job: Job) -> job_schemas.Job:
    """A job with its steps, and the first failure if there is one."""
    steps = tuple(job.steps.values())
    failed = next((status for status in steps if status.state == "failed"), None)
    error = failed and job_schemas.JobError(step=failed.step, reason=failed.reason or "", detail=failed.detail or "")
    return job_schemas.Job(
        id=job.id,
        video_id=job.video_id,
        script_id=job.script_id,
        state=job.state,
        fraction=round(job.fraction, 4),
        run=job.run,
        steps=tuple(StepReport(**{name: getattr(status, name) for name in _OF_A_STEP}) for status in steps),
        created_at=job.created_at,
        finished_at=job.finished_at,
        priority=job.priority,
        options=job_schemas.JobOptionsView.model_validate(job.options.model_dump()),
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


def user_view(user: User) -> people_schemas.User:
    """A user, without anything secret."""
    assert user.created_at is not None, "read from the database"
    state = "disabled" if user.disabled else "active" if user.password_hash or user.came_by_provider else "invited"
    return people_schemas.User(id=user.id, email=user.email, role=user.role, state=state, created_at=user.created_at)


def invitation_view(invited: Invited) -> people_schemas.Invitation:
    """A user, and the token that lets them choose a password."""
    return people_schemas.Invitation(user=user_view(invited.user), invitation=invited.token, expires_at=invited.until)


def sessions_view(sessions: Sequence[Session], *, current: UUID | None) -> people_schemas.SessionList:
    """Where somebody is signed in."""
    return people_schemas.SessionList(items=tuple(_session_view(one, current=one.id == current) for one in sessions))


def _session_view(session: Session, *, current: bool) -> people_schemas.Session:
    assert session.created_at is not None, "read from the database"
    return people_schemas.Session(
        id=session.id,
        address=session.origin.address,
        agent=session.origin.agent,
        current=current,
        created_at=session.created_at,
        used_at=session.used_at or session.created_at,
        expires_at=session.expires_at,
    )


def api_key_view(key: ApiKey) -> people_schemas.ApiKey:
    """A key, without its secret."""
    assert key.created_at is not None, "read from the database"
    expired = key.expires_at is not None and key.expires_at <= datetime.now(UTC)
    return people_schemas.ApiKey(
        id=key.id,
        user_id=key.user_id,
        name=key.name,
        prefix=key.prefix,
        scopes=tuple(sorted(key.scopes)),
        state="revoked" if key.revoked_at else "expired" if expired else "active",
        created_at=key.created_at,
        expires_at=key.expires_at,
        used_at=key.used_at,
    )
