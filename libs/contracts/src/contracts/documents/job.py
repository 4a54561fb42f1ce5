"""``job.json``: how a job went."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.documents._document import Document
from contracts.steps import Step

__all__ = ["JobReport", "JobState", "StepReport", "StepState"]

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
StepState = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class StepReport(Document):
    """One step of a job."""

    step: Step
    state: StepState
    fraction: float
    message: str = ""
    run: int = 1
    seconds: float | None = None
    cost: float | None = None
    """In the operator's currency; absent while no prices are set."""
    engine: str | None = None
    model_sha256: str | None = None
    reason: str | None = None
    detail: str | None = None


class JobReport(Document):
    """A job and its steps."""

    id: UUID
    video_id: UUID
    script_id: UUID | None = None
    state: JobState
    fraction: float
    run: int = 1
    steps: tuple[StepReport, ...]
    created_at: datetime
    finished_at: datetime | None = None
