"""What holds for machines that come and go: who may speak, what a failure costs, when enough is enough."""

from collections.abc import Collection
from typing import Literal
from uuid import UUID

__all__ = [
    "OLDEST_PROTOCOL",
    "PROTOCOL",
    "Command",
    "Policy",
    "Reason",
    "burns",
    "is_poison",
    "runner_of",
    "secret_for",
    "token_for",
    "worth_a_part",
]

PROTOCOL = 1
"""What we speak."""
OLDEST_PROTOCOL = 1
"""What we still understand."""

Policy = Literal["gpu", "colab", "auto"]
"""The pool of workers; runners alone; whichever is free."""
Command = Literal["continue", "cancel", "drain", "pause"]
"""What a renewal answers: go on; drop the work; hand back what is done; hold still, but keep the lease."""
Reason = Literal["oom", "bad_input", "upload", "model_missing", "timeout", "cancelled", "preempted", "unknown"]
_FREE: frozenset[str] = frozenset({"preempted", "cancelled"})
_POISONED = 3
_SHORTEST_PART = 12
_TOKEN, _SECRET = "mct_", "mcr_"


def burns(reason: str) -> bool:
    """Whether a failure counts: nobody is to blame when a machine is taken away, or work is called off."""
    return reason not in _FREE


def is_poison(failed_on: Collection[UUID], *, tries: int, budget: int) -> bool:
    """Whether a chunk is given up: three different runners failed on it, or its tries are spent."""
    return len(set(failed_on)) >= _POISONED or tries >= budget


def worth_a_part(done: int, frames: int) -> bool:
    """Whether a machine that must go should hand in the frames it has: a few are made again sooner than kept."""
    return _SHORTEST_PART <= done < frames


def token_for(runner_id: UUID, random: str) -> str:
    """What an operator is shown once, and a machine registers with."""
    return f"{_TOKEN}{runner_id.hex}_{random}"


def secret_for(runner_id: UUID, random: str) -> str:
    """What a registered machine shows with every request."""
    return f"{_SECRET}{runner_id.hex}_{random}"


def runner_of(shown: str) -> UUID | None:
    """Whose token or secret this claims to be; None if it is neither."""
    mark, random = shown[:37], shown[37:]
    if not mark.startswith((_TOKEN, _SECRET)) or not mark.endswith("_") or not random:
        return None
    try:
        return UUID(hex=mark[4:36])
    except ValueError:
        return None
