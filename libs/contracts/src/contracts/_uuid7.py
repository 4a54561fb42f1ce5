"""Time-ordered ids. The standard library has them from Python 3.14 on."""

import os
import threading
import time
from uuid import UUID

__all__ = ["uuid7"]

_RANDOM_BITS = 74
_lock = threading.Lock()
_newest = 0
"""Milliseconds and what is random of the newest id of this process."""


def uuid7() -> UUID:
    """A version 7 UUID: 48 bits of Unix milliseconds, then 74 random bits (RFC 9562, section 5.7).

    Those made within one millisecond rise too, each by 32 random bits over the one before (section 6.2, method 2):
    tasks queued in one breath are done in the order they were queued in.
    """
    global _newest
    random = int.from_bytes(os.urandom(10), "big") & (1 << _RANDOM_BITS) - 1
    with _lock:
        value = (time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF) << _RANDOM_BITS | random
        if value >> _RANDOM_BITS == _newest >> _RANDOM_BITS:
            value = _newest + 1 + (random & 0xFFFF_FFFF)
        _newest = value
    high, low = value >> 62, value & (1 << 62) - 1
    return UUID(int=high >> 12 << 80 | 0x7 << 76 | (high & 0xFFF) << 64 | 0b10 << 62 | low)
