"""The steps of a job that are ours, and how one look at a film stands for both."""

from collections.abc import Iterable

from contracts.steps import Step

__all__ = ["DECODED", "DOCUMENTS", "ours", "share_of"]

DECODED = 0.6
"""Share of a look that decoding the film takes; its scenes are known then."""

DOCUMENTS = {Step.SCENES: "scenes.json", Step.WATERMARKS: "watermarks.json"}
"""What each leaves, written last: a folder without it is that of a look that came to nothing."""
_OURS = (Step.SCENES, Step.WATERMARKS)


def ours(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Those of the steps that this service does, scenes first."""
    wanted = set(steps)
    return tuple(step for step in _OURS if step in wanted)


def share_of(step: Step, fraction: float) -> float:
    """How far a step is when the look is ``fraction`` done, 0 to 1: scenes are done before marks."""
    return min(1.0, fraction / DECODED) if step is Step.SCENES else min(1.0, fraction)
