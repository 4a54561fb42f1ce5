"""Limits the kernel holds the child to while it decodes what strangers sent."""

import resource
import signal
from types import FrameType

from ingest.domain.refusal import Allowance

__all__ = ["OutOfTime", "confine"]

_MIB = 2**20
_LARGEST_FILE = 64 * 1024 * _MIB
_GRACE_S = 10


class OutOfTime(Exception):
    """The child has used up its computing time."""


def confine(bounds: Allowance) -> None:
    """Put this process, and those it starts, under the bounds. There is no way back.

    Memory beyond the bound is refused to the decoder, which fails as MemoryError. Computing time beyond it raises
    OutOfTime here; a decoder that does not come back to Python by then is killed soon after.
    """
    _lower(resource.RLIMIT_AS, bounds.memory_mib * _MIB)
    _lower(resource.RLIMIT_FSIZE, _LARGEST_FILE)
    _lower(resource.RLIMIT_CORE, 0)
    signal.signal(signal.SIGXCPU, _out_of_time)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    ceiling = bounds.cpu_s + _GRACE_S if hard == resource.RLIM_INFINITY else min(hard, bounds.cpu_s + _GRACE_S)
    resource.setrlimit(resource.RLIMIT_CPU, (min(bounds.cpu_s, ceiling), ceiling))


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))


def _out_of_time(_signal: int, _frame: FrameType | None) -> None:
    raise OutOfTime
