"""The outermost layer of a request: its trace, its headers, and the net under everything; and its size, further in."""

import asyncio
import re

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.telemetry import get_logger, span, trace_id
from gateway.api.problems import problem_response
from gateway.api.scope import add_answer_headers

__all__ = ["BodySizes", "Edge"]

_log = get_logger(__name__)
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_BYTES = "/v1/runner/bytes"
"""Addresses below this are signed."""
_STREAMED = re.compile(r"/v1/uploads/(?:tus(?:/[^/]+)?|[^/]+/content)|/v1/runner/bytes/[^/]+/[^/]+")
"""Here the body goes to storage as it comes, under limits of its own."""
IDLE_S = 60.0
"""A client that is silent for so long in the middle of its request is gone."""
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Edge:
    """Pure ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("traceparent", "")
        parent = given if _TRACEPARENT.fullmatch(given) else None
        with span(f"HTTP {scope['method']}", parent=parent):
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = trace_id()
                add_answer_headers(scope, headers)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope.get("scheme") == "https":
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:  # the boundary of the process: whatever it is, the client gets an answer
            _log.exception("a request failed", method=scope["method"], path=_shown(scope["path"]))
            if started:
                raise  # the server closes the connection, so that nobody takes half an answer for a whole one
            detail = "something went wrong on our side; tell the operator the trace_id"
            await problem_response(scope["path"], 500, detail)(scope, receive, send_with_headers)


def _shown(path: str) -> str:
    """A path for the log: who reads there shall not read films, so the proof that an address carries is left out."""
    return _BYTES if path.startswith(_BYTES) else path


class BodySizes:
    """Refuses bodies that are too large, before they are read where the request says so itself, or that do not come."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._is_too_large(scope):
            await problem_response(scope["path"], 413, self._too_large())(scope, receive, send)
        else:
            await self._app(scope, self._limited(scope, receive), send)

    def _is_too_large(self, scope: Scope) -> bool:
        length = Headers(scope=scope).get("content-length", "")
        return length.isdecimal() and int(length) > self._max_body_bytes and not _STREAMED.fullmatch(scope["path"])

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """Count what comes in, for clients that do not say beforehand how much it will be."""
        if _STREAMED.fullmatch(scope["path"]):
            return receive
        received, whole = 0, False

        async def receive_counted() -> Message:
            nonlocal received, whole
            try:
                async with asyncio.timeout(None if whole else IDLE_S):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "the rest of the request did not come") from None
            if message["type"] == "http.request":
                whole = not message.get("more_body", False)
                received += len(message.get("body", b""))
                if received > self._max_body_bytes:
                    raise HTTPException(413, self._too_large())
            return message

        return receive_counted

    def _too_large(self) -> str:
        return f"a request body may have at most {self._max_body_bytes} bytes"
