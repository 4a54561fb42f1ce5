"""The messages webhooks are sent, for the ``webhooks`` of the OpenAPI document."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, FastAPI, Header
from pydantic import BaseModel, ConfigDict

from contracts.documents.job import JobState
from contracts.steps import Step
from gateway.domain.notices import EventType

__all__ = ["describe_webhooks"]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_AT = "2026-11-22T16:30:00Z"


class JobErrorNote(BaseModel):
    """The first thing that failed."""

    step: Step
    reason: str


class JobNote(BaseModel):
    """A job, in few words; the whole is at ``/v1/jobs/{job_id}``."""

    job_id: UUID
    video_id: UUID
    script_id: UUID | None
    state: JobState
    fraction: float
    run: int
    passthrough: str | None
    error: JobErrorNote | None = None


class VideoNote(BaseModel):
    """A video, in few words; the whole is at ``/v1/videos/{video_id}``."""

    video_id: UUID
    state: Literal["ready", "rejected", "erased"]
    passthrough: str | None = None
    reason: str | None = None


class BudgetNote(BaseModel):
    """How much of your budget is spent; the rest is at ``/v1/usage/standing``."""

    percent: Literal[80, 100]
    month: str
    spent: Decimal
    amount: Decimal
    currency: str
    hard: bool


class DisabledNote(BaseModel):
    """A webhook that is sent nothing any more."""

    webhook_id: UUID
    reason: str


class PingNote(BaseModel):
    """A try."""

    webhook_id: UUID


class _Message(BaseModel):
    type: EventType
    timestamp: datetime


_JOB = {"job_id": _ID, "video_id": _ID, "script_id": _ID, "fraction": 1.0, "run": 1, "passthrough": "order-4711"}
_VIDEO = {"video_id": _ID, "passthrough": "order-4711"}
_ABOUT: dict[EventType, tuple[type[BaseModel], str, dict[str, Any]]] = {
    EventType.JOB_REQUESTED: (JobNote, "A job was asked for, or its failed steps once more.", {"state": "queued"}),
    EventType.JOB_PROGRESSED: (JobNote, "A job is a quarter, half or three quarters done.", {"state": "running"}),
    EventType.JOB_FINISHED: (JobNote, "A job has all its results.", {"state": "succeeded"}),
    EventType.JOB_FAILED: (
        JobNote,
        "A job is over, and something of it failed.",
        {"state": "failed", "error": {"step": "transcript", "reason": "no_audio"}},
    ),
    EventType.JOB_CANCELLED: (JobNote, "A job was called off.", {"state": "cancelled"}),
    EventType.VIDEO_READY: (VideoNote, "A video was taken in and measured.", {"state": "ready"}),
    EventType.VIDEO_REJECTED: (
        VideoNote,
        "A video could not be taken in.",
        {"state": "rejected", "reason": "no_video"},
    ),
    EventType.VIDEO_ERASED: (
        VideoNote,
        "A video was erased; messages about it are erased too.",
        {"state": "erased", "passthrough": None},
    ),
    EventType.BUDGET_REACHED: (
        BudgetNote,
        "80 or 100 percent of your budget for this month are spent.",
        {
            "percent": 80,
            "month": "2026-11",
            "spent": "80.4025",
            "amount": "100.00",
            "currency": "EUR",
            "hard": False,
        },
    ),
    EventType.WEBHOOK_DISABLED: (
        DisabledNote,
        "Another webhook is sent nothing any more.",
        {"webhook_id": _ID, "reason": "it answered 410 Gone"},
    ),
    EventType.WEBHOOK_PING: (PingNote, "Somebody tries a webhook out.", {"webhook_id": _ID}),
}
_HOW = (
    " Signed as [Standard Webhooks](https://www.standardwebhooks.com) say. Answer 2xx within 15 seconds; anything else"
    " is tried again for three days, and 410 disables the webhook."
)


def describe_webhooks(app: FastAPI) -> None:
    """List every event in the OpenAPI document of ``app``."""
    for event, (note, about, example) in _ABOUT.items():
        _describe(app.webhooks, event, note, about, example)


def _describe(router: APIRouter, event: EventType, note: type[BaseModel], about: str, example: dict[str, Any]) -> None:
    base: dict[str, Any] = _JOB if note is JobNote else _VIDEO if note is VideoNote else {}
    shown: Any = {"type": event.value, "timestamp": _AT, "data": {**base, **example}}
    name = "".join(word.capitalize() for word in event.value.split("."))
    message: Any = type(
        name,
        (_Message,),
        {
            "__doc__": about,
            "__module__": __name__,
            "__annotations__": {"type": Literal[event], "data": note},
            "model_config": ConfigDict(json_schema_extra={"examples": [shown]}),
        },
    )

    async def told(
        body: message,
        webhook_id: Annotated[str, Header(description="The same for every try: know a repetition by it.")],
        webhook_timestamp: Annotated[int, Header(description="Seconds since 1970; part of what is signed.")],
        webhook_signature: Annotated[str, Header(description="`v1,…` (HMAC-SHA256) and `v1a,…` (ed25519), by spaces.")],
    ) -> None: ...

    router.add_api_route(
        event.value,
        told,
        methods=["POST"],
        name=event.value,
        summary=about,
        description=about + _HOW,
        tags=["webhooks"],
        responses={200: {"description": "Any 2xx says that it arrived"}},
    )
