"""The audit at the edge: what was refused to somebody we know, and who took contents out.

What is changed is written where it is changed. What is refused changes nothing, so it is written here, and so is who
read the contents of films and scripts. Nothing is handed out before its line is written; what cannot be written for
is not handed out.
"""

import re
from collections.abc import Iterable
from uuid import UUID

from fastapi import Request
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.telemetry import get_logger
from gateway.api.context import origin_of
from gateway.api.problems import problem_response
from gateway.domain.access import Right
from gateway.domain.audit import Entry, Outcome
from gateway.usecases import witness
from gateway.usecases.audit import AuditLog
from gateway.usecases.witness import Deed, Place

__all__ = ["Witnessing", "takes_contents_out"]

_log = get_logger(__name__)
_CONTENTS = re.compile(r".*/(content|original|proxy)")
_READING = frozenset({Right.RESULTS_READ, Right.SEARCH_READ, Right.AUDIT_READ})
"""Whoever uses one of these takes something out."""

_WRONG = 400
"""Who shows a wrong password or token is answered first and noted then: the line is written only about accounts that
exist, and the time it takes must not tell which do."""


def takes_contents_out(route: APIRoute, rights: Iterable[str]) -> bool:
    """Whether reading this is written down: results in any form, films and scripts as bytes, and the audit itself.

    Lists, states and measures are not: they say what there is, and programs ask for them all day.
    """
    return not _READING.isdisjoint(rights) or _CONTENTS.fullmatch(route.path) is not None


class _Withheld(Exception):
    """Ends the answer that must not be given."""


class Witnessing:
    """Pure ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp, *, audit: AuditLog, contents: frozenset[str]) -> None:
        self._app = app
        self._audit = audit
        self._contents = contents

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and write down what has to be."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        deed = Deed(scope["method"], origin_of(Request(scope)), place=lambda: _place(scope))
        withheld = first_answered = False

        async def send_noted(message: Message) -> None:
            nonlocal withheld, first_answered
            begins = message["type"] == "http.response.start"
            if begins and message["status"] == _WRONG:
                first_answered = True
            elif begins and not await self._noted(scope, deed, message["status"]):
                withheld = True
                detail = "what you asked for must be written down first, and that is not possible just now"
                headers = {"Retry-After": "5"}
                await problem_response(scope["path"], 503, detail, headers=headers)(scope, receive, send)
                raise _Withheld
            await send(message)
            if first_answered and not begins and not message.get("more_body", False):
                await self._noted(scope, deed, _WRONG)

        with witness.witnessed(deed):
            try:
                await self._app(scope, receive, send_noted)
            except Exception:
                if not withheld:  # else it is ours, as itself or in a group, and another answer was given
                    raise

    async def _noted(self, scope: Scope, deed: Deed, status: int) -> bool:
        """Write the line that is missing; False if it cannot be written and the answer must wait for it."""
        outcome: Outcome = "done" if status < 400 else "refused" if status < 500 else "failed"
        entry = deed.entry(outcome, status=None if outcome == "done" else status)
        if deed.actor is None or entry is None or not self._worth_a_line(deed, entry, status):
            return True
        deed.recorded = True
        try:
            if deed.writes and outcome == "done":
                await self._audit.write(deed.actor.tenant_id, entry)
            else:
                await self._audit.write_once(deed.actor.tenant_id, entry)
        except (SQLAlchemyError, OSError) as error:
            _log.error("a line of the audit could not be written", error=repr(error), action=entry.action)
            return outcome != "done"
        return True

    def _worth_a_line(self, deed: Deed, entry: Entry, status: int) -> bool:
        if deed.writes:
            return not deed.recorded if status < 400 else status != 429
        return status in (401, 403, 404) or (status < 300 and entry.action in self._contents)


def _place(scope: Scope) -> Place | None:
    route = scope.get("route")
    if not isinstance(route, APIRoute):
        return None
    return Place(route.name, scope["path"], _last_id(scope.get("path_params", {})))


def _last_id(given: dict[str, object]) -> UUID | None:
    """The id the path ends in, if what it was given is one."""
    for value in reversed(list(given.values())):
        try:
            return UUID(str(value))
        except ValueError:
            continue
    return None
