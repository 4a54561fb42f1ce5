"""What the layers of one request tell each other, by way of its ASGI scope."""

from asyncio import Future
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import Scope

from gateway.domain.access import Caller
from gateway.ports.rates import Admission

__all__ = ["add_answer_headers", "caller_read", "held", "note_answer_headers", "note_caller", "note_held"]

_HEADERS = "matchcut.answer_headers"
_CALLER = "matchcut.caller"
_HELD = "matchcut.held"


def note_answer_headers(scope: Scope, headers: dict[str, str]) -> None:
    """Say what the answer will hold, whoever gives it: a route, a refusal, or the net under everything."""
    scope[_HEADERS] = scope.get(_HEADERS, {}) | headers


def add_answer_headers(scope: Scope, headers: MutableHeaders) -> None:
    """Write what was noted into the headers of the answer."""
    for name, value in scope.get(_HEADERS, {}).items():
        headers[name] = value


def note_caller(scope: Scope, bearer: str, caller: Caller, ahead: Future[Any] | None) -> None:
    """Keep whom a token speaks for, so that it is verified once a request, and what was asked about its session."""
    scope[_CALLER] = (bearer, caller, ahead)


def caller_read(scope: Scope, bearer: str) -> tuple[Caller | None, Future[Any] | None]:
    """Whom this very token was found to speak for, if it was looked at, and what was asked about its session."""
    noted: tuple[str, Caller, Future[Any] | None] | None = scope.get(_CALLER)
    return (noted[1], noted[2]) if noted is not None and noted[0] == bearer else (None, None)


def note_held(scope: Scope, admission: Admission) -> None:
    """Keep places that were taken further in, for the layer that gives them back."""
    scope.setdefault(_HELD, []).append(admission)


def held(scope: Scope) -> list[Admission]:
    """The places that were taken further in."""
    return list(scope.get(_HELD, ()))
