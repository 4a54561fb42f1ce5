"""How far a job is: news about its steps, folded into states and fractions.

News may come late, twice or out of order. Within one run of a step, its state only ever climbs
``queued < running < failed < succeeded``, and the fraction only grows; so any order of the same news ends in the
same state. A success beats a failure of the same run: it is a dead letter that was replayed with luck, and the steps
that failed for its sake follow when they succeed in their turn. ``cancelled`` is a decision of ours, and final. News
of another run than the step's own is about work nobody waits for. And what was to be aligned with a script that was
erased is lost: no late success revives it, and it is not asked for again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from contracts.documents.job import JobState, StepState
from contracts.steps import Step

__all__ = [
    "SCRIPT_ERASED",
    "Advanced",
    "Done",
    "Failed",
    "News",
    "StepStatus",
    "again",
    "cancel",
    "fold",
    "fraction_of",
    "state_of",
    "to_repeat",
    "without_script",
]

SCRIPT_ERASED = "script_erased"
"""Why an alignment failed whose script was erased."""


@dataclass(frozen=True, slots=True)
class StepStatus:
    """One step of a job, as far as we have heard."""

    step: Step
    run: int = 1
    state: StepState = "queued"
    fraction: float = 0.0
    message: str = ""
    engine: str | None = None
    model_sha256: str | None = None
    seconds: float | None = None
    reason: str | None = None
    detail: str | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more is awaited."""
        return self.state in ("succeeded", "failed", "cancelled")

    @property
    def lost(self) -> bool:
        """Whether it failed for good: what it needs was erased."""
        return self.state == "failed" and self.reason == SCRIPT_ERASED


@dataclass(frozen=True, slots=True)
class Advanced:
    """A step is on its way. ``fraction`` is None when all we know is that it works."""

    step: Step
    run: int | None
    """None for ingest, which belongs to the video and not to a run of the job."""
    fraction: float | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """A step has its result."""

    step: Step
    run: int | None
    engine: str | None = None
    model_sha256: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A step gave up."""

    step: Step
    run: int | None
    reason: str
    detail: str


News = Advanced | Done | Failed
Steps = Mapping[Step, StepStatus]

_RANK: dict[StepState, int] = {"queued": 0, "running": 1, "failed": 2, "succeeded": 3, "cancelled": 4}

# Rough shares of the time a job takes on a CPU; only how smoothly the bar moves depends on them.
_WEIGHT: dict[Step, float] = {
    Step.INGEST: 1,
    Step.SCENES: 2,
    Step.WATERMARKS: 2,
    Step.TRANSCRIPT: 3,
    Step.ALIGNMENT: 2,
    Step.UPSCALE: 8,
}


def fold(steps: Steps, news: News) -> dict[Step, StepStatus]:
    """The steps after the news, with what follows for the steps that wait for the one it is about."""
    after = dict(steps)
    before = after.get(news.step)
    if before is None or news.run not in (None, before.run):
        return after
    after[news.step] = _fold_step(before, news)
    return _fail_dependents(after)


def _fold_step(status: StepStatus, news: News) -> StepStatus:
    if isinstance(news, Advanced):
        return _advance(status, news)
    if isinstance(news, Done):
        if status.lost or _RANK[status.state] >= _RANK["succeeded"]:
            return status
        return replace(
            status,
            state="succeeded",
            fraction=1.0,
            message="",
            engine=news.engine,
            model_sha256=news.model_sha256,
            seconds=news.seconds,
            reason=None,
            detail=None,
        )
    return _fail(status, news.reason, news.detail)


def _advance(status: StepStatus, news: Advanced) -> StepStatus:
    if _RANK[status.state] > _RANK["running"]:
        return status
    fraction = status.fraction if news.fraction is None else news.fraction
    if fraction < status.fraction:
        return status
    return replace(status, state="running", fraction=fraction, message=news.message)


def _fail(status: StepStatus, reason: str, detail: str) -> StepStatus:
    if _RANK[status.state] >= _RANK["failed"]:
        return status
    return replace(status, state="failed", message="", reason=reason, detail=detail)


def _fail_dependents(steps: dict[Step, StepStatus]) -> dict[Step, StepStatus]:
    ingest = steps.get(Step.INGEST)
    if ingest is not None and ingest.state == "failed":
        return {
            step: _fail(status, ingest.reason or "ingest_failed", ingest.detail or "") for step, status in steps.items()
        }
    transcript = steps.get(Step.TRANSCRIPT)
    alignment = steps.get(Step.ALIGNMENT)
    if transcript is not None and transcript.state == "failed" and alignment is not None:
        detail = f"There is no transcript to align the script with: {transcript.reason}."
        steps[Step.ALIGNMENT] = _fail(alignment, "transcript_failed", detail)
    return steps


def cancel(steps: Steps) -> dict[Step, StepStatus]:
    """The steps after somebody called the job off: what is done or failed stays as it is."""
    return {
        step: status if status.over else replace(status, state="cancelled", message="")
        for step, status in steps.items()
    }


def without_script(steps: Steps) -> dict[Step, StepStatus]:
    """The steps after the script was erased: an alignment that is not done will never be, whyever it failed before."""
    status = steps.get(Step.ALIGNMENT)
    if status is None or status.state in ("succeeded", "cancelled"):
        return dict(steps)
    detail = "The script was erased."
    return {**steps, Step.ALIGNMENT: replace(status, state="failed", message="", reason=SCRIPT_ERASED, detail=detail)}


def to_repeat(steps: Steps, only: Collection[Step] = ()) -> tuple[Step, ...]:
    """The failed steps, or those of them that are named and what these need: a transcript, the video itself."""
    failed = tuple(step for step, status in steps.items() if status.state == "failed" and not status.lost)
    if not only:
        return failed
    named = {step for step in failed if step in only}
    needed = {Step.INGEST, Step.TRANSCRIPT} if Step.ALIGNMENT in named else {Step.INGEST}
    return tuple(step for step in failed if step in named | needed) if named else ()


def again(steps: Steps, repeated: Collection[Step], *, run: int) -> dict[Step, StepStatus]:
    """The steps after some of them were asked for once more, as ``run``."""
    return {step: StepStatus(step=step, run=run) if step in repeated else status for step, status in steps.items()}


def state_of(steps: Iterable[StepStatus]) -> JobState:
    """The state of a job: it runs from the first sign of work until no step is open."""
    states = {status.state for status in steps}
    if states & {"queued", "running"}:
        return "queued" if states == {"queued"} else "running"
    if "cancelled" in states:
        return "cancelled"
    return "failed" if "failed" in states else "succeeded"


def fraction_of(steps: Iterable[StepStatus]) -> float:
    """The weighted mean of the steps' fractions: exactly 1.0 once all have succeeded."""
    total = done = 0.0
    for status in steps:
        total += _WEIGHT[status.step]
        done += _WEIGHT[status.step] * status.fraction
    return done / total if total else 0.0
