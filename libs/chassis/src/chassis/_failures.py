"""What a failure is called, whether waiting may cure it, and for how long to wait."""

import errno
import random
import re
import socket
from dataclasses import dataclass

__all__ = ["Failure", "backoff_s", "is_outage", "lacks_room", "plain", "reason_of"]

_REASON = re.compile(r"[a-z][a-z0-9_]*")
_OUTAGE_STATES = ("08", "53", "57P", "25006")
"""SQLSTATE: connection exceptions, insufficient resources, the server shutting down or starting, or read-only."""
_OUTAGE_ERRNOS = {
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOTCONN),
    *(errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOBUFS),
}
"""The network is away, or this machine has run out of something that comes back: disk, quota, descriptors, buffers."""
_OUTAGE_NAMES = {
    "redis.exceptions": {
        *("ConnectionError", "TimeoutError", "BusyLoadingError", "MaxConnectionsError"),
        *("OutOfMemoryError", "ReadOnlyError", "MasterDownError", "ClusterDownError", "TryAgainError"),
    },
    "sqlalchemy.exc": {"TimeoutError"},
    "asyncpg.exceptions._base": {"InternalClientError"},
}
"""By name, since a service that uses neither need not load them. SQLAlchemy's is a pool with nothing left to lend;
asyncpg's is a connection used between the server's last word on it and its end (MagicStack/asyncpg#1069)."""


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
    """Whether the error says that a server is away or full: then waiting helps, and no try should be burned.

    Looks through causes, since drivers wrap what the socket told them.
    """
    seen = 0
    while error is not None and seen < 8:
        if _says_away(error):
            return True
        error = getattr(error, "orig", None) or error.__cause__
        seen += 1
    return False


def lacks_room(error: BaseException | None) -> bool:
    """Whether a disk was full. Somebody has to make room, so there is no use in trying again every second."""
    seen = 0
    while error is not None and seen < 8:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
        seen += 1
    return False


def _says_away(error: BaseException) -> bool:
    if isinstance(error, (ConnectionError, TimeoutError, socket.gaierror)):
        return True
    if getattr(error, "errno", None) in _OUTAGE_ERRNOS:  # an OSError, or FFmpeg's own
        return True
    if getattr(error, "connection_invalidated", False):
        return True
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str) and state.startswith(_OUTAGE_STATES):
        return True
    return any(kind.__name__ in _OUTAGE_NAMES.get(kind.__module__, ()) for kind in type(error).__mro__)


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
