"""What the outside is told: which change of a job or a video is an event, and what the message holds.

Messages are thin: ids, a state, and what the customer gave us to carry. Who wants more asks the API.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from gateway.domain.jobs import Job
from gateway.domain.library import Video
from gateway.domain.metering import written
from gateway.domain.quotas import Budget

__all__ = [
    "EventType",
    "Notice",
    "body_of",
    "budget_notice",
    "disabled_notice",
    "job_notices",
    "ping_notice",
    "video_notices",
]

_MILESTONES = (0.25, 0.5, 0.75)


class EventType(StrEnum):
    """What one can be told of."""

    JOB_REQUESTED = "job.requested"
    JOB_PROGRESSED = "job.progressed"
    JOB_FINISHED = "job.finished"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    VIDEO_READY = "video.ready"
    VIDEO_REJECTED = "video.rejected"
    VIDEO_ERASED = "video.erased"
    BUDGET_REACHED = "budget.reached"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_PING = "webhook.ping"


@dataclass(frozen=True, slots=True)
class Notice:
    """One event, as it will be told."""

    type: EventType
    data: Mapping[str, Any]
    video_id: UUID | None = None
    """What the message is about, so that an erasure finds it."""
    live_only: bool = False
    """Told to who watches at the moment, and not to webhooks."""


_ENDS = {
    "succeeded": EventType.JOB_FINISHED,
    "failed": EventType.JOB_FAILED,
    "cancelled": EventType.JOB_CANCELLED,
}


def job_notices(before: Job | None, after: Job) -> list[Notice]:
    """The events in a job's change. A job that is over when it is asked for has two: that it was, and how it ended."""
    notices = []
    if before is None or after.run > before.run:
        notices.append(_job_notice(EventType.JOB_REQUESTED, after))
    end = _ENDS.get(after.state)
    if end is not None:
        if before is None or before.state != after.state:
            notices.append(_job_notice(end, after))
    elif before is not None and after.run == before.run:
        passed = _milestone(after) > _milestone(before)
        if passed or _looks_otherwise(before, after):
            notices.append(replace(_job_notice(EventType.JOB_PROGRESSED, after), live_only=not passed))
    return notices


def video_notices(before: Video, after: Video) -> list[Notice]:
    """The events in a video's change; an erased one is named by its id alone."""
    if before.state == after.state:
        return []
    data: dict[str, Any] = {"video_id": str(after.id), "state": after.state, "passthrough": after.passthrough}
    if after.state == "ready":
        return [Notice(EventType.VIDEO_READY, data, after.id)]
    if after.state == "rejected":
        reason = after.rejection.reason if after.rejection else None
        return [Notice(EventType.VIDEO_REJECTED, {**data, "reason": reason}, after.id)]
    if after.state == "erased":
        return [Notice(EventType.VIDEO_ERASED, data)]
    return []


def disabled_notice(webhook_id: UUID, reason: str) -> Notice:
    """A webhook is told nothing any more; its fellows are told of that, but not its address, which may be a secret."""
    return Notice(EventType.WEBHOOK_DISABLED, {"webhook_id": str(webhook_id), "reason": reason})


def budget_notice(budget: Budget, percent: int, *, spent: Decimal, month: date) -> Notice:
    """So much of a tenant's budget for the month is spent."""
    data = {
        "percent": percent,
        "month": month.isoformat()[:7],
        "spent": written(spent),
        "amount": written(budget.amount),
        "currency": budget.currency,
        "hard": budget.hard,
    }
    return Notice(EventType.BUDGET_REACHED, data)


def ping_notice(webhook_id: UUID) -> Notice:
    """A try, asked for by a person."""
    return Notice(EventType.WEBHOOK_PING, {"webhook_id": str(webhook_id)})


def body_of(notice: Notice, *, now: datetime) -> str:
    """The message as it is sent and signed, to the byte."""
    message = {"type": notice.type.value, "timestamp": now.isoformat().replace("+00:00", "Z"), "data": notice.data}
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def _job_notice(type_: EventType, job: Job) -> Notice:
    data: dict[str, Any] = {
        "job_id": str(job.id),
        "video_id": str(job.video_id),
        "script_id": None if job.script_id is None else str(job.script_id),
        "state": job.state,
        "fraction": round(job.fraction, 4),
        "run": job.run,
        "passthrough": job.passthrough,
    }
    failed = next((status for status in job.steps.values() if status.state == "failed"), None)
    if type_ is EventType.JOB_FAILED and failed is not None:
        data["error"] = {"step": failed.step.value, "reason": failed.reason or ""}
    return Notice(type_, data, job.video_id)


def _looks_otherwise(before: Job, after: Job) -> bool:
    """Whether somebody who watches would see a change: another per cent, or a step in another state."""
    if int(after.fraction * 100) != int(before.fraction * 100):
        return True
    return any(status.state != before.steps[step].state for step, status in after.steps.items() if step in before.steps)


def _milestone(job: Job) -> int:
    return sum(job.fraction >= milestone for milestone in _MILESTONES)
