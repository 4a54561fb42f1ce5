"""Which of a list are wanted."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from contracts.documents.job import JobState
from gateway.api.schemas import Moment
from gateway.domain.findings import Narrowed
from gateway.domain.refusals import InvalidRequest

__all__ = ["JobsWanted", "Wanted"]

_VIDEO = Query(description="Only those of this video.")
_FROM = Query(description="Only those made at this time or later.", examples=["2026-11-01T00:00:00Z"])
_BEFORE = Query(description="Only those made before this time.", examples=["2026-12-01T00:00:00Z"])


async def _wanted(
    video_id: Annotated[UUID | None, _VIDEO] = None,
    job_id: Annotated[UUID | None, Query(description="Only those of this job.")] = None,
    created_from: Annotated[Moment | None, _FROM] = None,
    created_before: Annotated[Moment | None, _BEFORE] = None,
) -> Narrowed:
    return Narrowed(
        video_id=video_id,
        job_id=job_id,
        created_from=_utc(created_from, "created_from"),
        created_before=_utc(created_before, "created_before"),
    )


async def _jobs_wanted(
    video_id: Annotated[UUID | None, _VIDEO] = None,
    state: Annotated[JobState | None, Query(description="Only those in this state.")] = None,
    created_from: Annotated[Moment | None, _FROM] = None,
    created_before: Annotated[Moment | None, _BEFORE] = None,
) -> Narrowed:
    return Narrowed(
        video_id=video_id,
        state=state,
        created_from=_utc(created_from, "created_from"),
        created_before=_utc(created_before, "created_before"),
    )


Wanted = Annotated[Narrowed, Depends(_wanted)]
JobsWanted = Annotated[Narrowed, Depends(_jobs_wanted)]


def _utc(time: datetime | None, field: str) -> datetime | None:
    try:
        return None if time is None else time.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest("no time so far away is known here", field=field) from None
