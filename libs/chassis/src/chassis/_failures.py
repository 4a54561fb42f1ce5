"""What a failure is called, whether waiting may cure it, and for how long to wait."""

import errno
import random
import re
from dataclasses import dataclass

__all__ = ["Failure", "backoff_s", "is_outage", "plain", "reason_of"]

_REASON = re.compile(r"[a-z][a-z0-9_]*")
_OUTAGE_CLASSES = ("08", "53", "57P")
"""SQLSTATE: connection exceptions, insufficient resources, the server shutting down or starting."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True)
class Failure:
    """Why something was given up."""

    reason: str
    """Machine-readable: the exception's ``reason`` if it has one, else its class name in snake_case."""
    detail: str
    """For people."""
    attempts: int


def reason_of(error: BaseException) -> str:
    """The error's own ``reason``, or its class name in snake_case without a trailing ``Error``."""
    given = getattr(error, "reason", None)
    if isinstance(given, str) and _REASON.fullmatch(given):
        return given
    name = type(error).__name__.removesuffix("Error") or type(error).__name__
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    snake = re.sub(r"[^a-z0-9_]", "", snake).lstrip("_0123456789")
    return snake or "failed"


def is_outage(error: BaseException | None) -> bool:
    """Whether the error says that a server is away or a disk full: then waiting helps, and no try should be burned.

    Looks through causes, since drivers wrap what the socket told them.
    """
    seen = 0
    while error is not None and seen < 8:
        if isinstance(error, (ConnectionError, TimeoutError)) or getattr(error, "connection_invalidated", False):
            return True
        if getattr(error, "errno", None) in _NO_ROOM:  # an OSError, or FFmpeg's own
            return True
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str) and state.startswith(_OUTAGE_CLASSES):
            return True
        error = getattr(error, "orig", None) or error.__cause__
        seen += 1
    return False


def backoff_s(attempt: int, *, base_s: float, cap_s: float) -> float:
    """Seconds to wait after the ``attempt``-th failure: doubling, capped, with equal jitter.

    Half of the wait is random, so that many failures of one moment do not come back as one wave.
    Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    full = min(cap_s, base_s * 2.0 ** min(attempt - 1, 32))
    return full * random.uniform(0.5, 1.0)


def plain(words: str) -> str:
    """The words as PostgreSQL and JSON can hold them: no NUL, nothing that is not Unicode; at most 2,000 characters.

    Errors quote what they stumbled over: a file name in bytes, a line of a tool's output.
    """
    return words[:2000].encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
