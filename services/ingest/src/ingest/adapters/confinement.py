"""Limits the kernel holds the child to while it decodes what strangers sent."""

import os
import resource
import signal
from pathlib import Path
from types import FrameType

from ingest.domain.refusal import Allowance

__all__ = ["OutOfTime", "confine", "is_cramped", "threads"]

_MIB = 2**20
_LARGEST_FILE = 64 * 1024 * _MIB
_GRACE_S = 10
_BYTES_A_PIXEL = 16
"""Two frames of four channels with 16 bits."""
_SLACK_MIB = 32


class OutOfTime(Exception):
    """The child has used up its computing time."""


def confine(bounds: Allowance) -> None:
    """Put this process, and those it starts, under the bounds. There is no way back.

    Memory beyond the bound is refused to the decoder, which fails as MemoryError. Computing time beyond it raises
    OutOfTime here; a decoder that does not come back to Python by then is killed soon after.
    """
    _lower(resource.RLIMIT_AS, _status_kib("VmSize") * 1024 + bounds.memory_mib * _MIB)
    _lower(resource.RLIMIT_FSIZE, _LARGEST_FILE)
    _lower(resource.RLIMIT_CORE, 0)
    signal.signal(signal.SIGXCPU, _out_of_time)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    ceiling = bounds.cpu_s + _GRACE_S if hard == resource.RLIM_INFINITY else min(hard, bounds.cpu_s + _GRACE_S)
    resource.setrlimit(resource.RLIMIT_CPU, (min(bounds.cpu_s, ceiling), ceiling))


def threads() -> int:
    """Threads to decode and encode with. More than 8 gain little, and each reserves some of the memory allowed."""
    return min(8, len(os.sched_getaffinity(0)))


def is_cramped(pixels: int) -> bool:
    """Whether this process came so near its bound of memory that room for a frame of so many pixels may have lacked.

    Decoders that get no memory often say "invalid data" and drop the frame, so a film may look damaged that is not.
    """
    bound = resource.getrlimit(resource.RLIMIT_AS)[0]
    if bound == resource.RLIM_INFINITY:
        return False
    return _status_kib("VmPeak") * 1024 + pixels * _BYTES_A_PIXEL + _SLACK_MIB * _MIB > bound


def _status_kib(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))


def _out_of_time(_signal: int, _frame: FrameType | None) -> None:
    raise OutOfTime
