"""A job: what was asked of a video, and how far it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal, Self
from uuid import UUID

from contracts.documents.job import JobState
from contracts.gateway import JobOptions
from contracts.steps import Step
from gateway.domain.progress import StepStatus, fraction_of, state_of

__all__ = ["Job", "Priority", "steps_wanted"]

Priority = Literal["urgent", "normal", "bulk"]


@dataclass(frozen=True, slots=True)
class Job:
    """A job as far as we have heard. ``version`` grows with every change that clients can see."""

    id: UUID
    video_id: UUID
    script_id: UUID | None
    steps: Mapping[Step, StepStatus]
    created_at: datetime
    options: JobOptions = field(default_factory=JobOptions)
    priority: Priority = "normal"
    passthrough: str | None = None
    run: int = 1
    results: Mapping[str, str] = field(default_factory=dict)
    """Blob key by result name; a name that ends in ``/`` is a folder."""
    finished_at: datetime | None = None
    version: int = 1
    reserved: Decimal | None = None
    """Of a hard budget, set aside for it until it is over; what it has cost already is not counted twice."""

    @property
    def state(self) -> JobState:
        """Where the job as a whole stands."""
        return state_of(self.steps.values())

    @property
    def fraction(self) -> float:
        """How much of the job is done, 0 to 1."""
        return fraction_of(self.steps.values())

    @property
    def over(self) -> bool:
        """Whether no step is awaited any more."""
        return all(status.over for status in self.steps.values())

    def with_steps(self, steps: Mapping[Step, StepStatus], *, now: datetime) -> Self:
        """The job after its steps moved; itself if none did."""
        if steps == self.steps:
            return self
        moved = replace(self, steps=steps, version=self.version + 1)
        return replace(moved, finished_at=(self.finished_at or now) if moved.over else None)


def steps_wanted(asked: Iterable[Step]) -> tuple[Step, ...]:
    """What has to be done for what was asked, in the order people read it; an alignment needs a transcript."""
    wanted = set(asked)
    if Step.ALIGNMENT in wanted:
        wanted.add(Step.TRANSCRIPT)
    return tuple(step for step in Step if step in wanted and step is not Step.INGEST)
