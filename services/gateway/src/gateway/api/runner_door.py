"""Passes what runners ask on to the upscale service, which knows them; people have no business there.

Bodies stream both ways and are never whole in memory. What is not the runners' goes on to our own routes.
"""

from collections.abc import AsyncIterator

import httpx
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.telemetry import get_logger, traceparent
from gateway.api.problems import problem_response

__all__ = ["RunnerDoor"]

_log = get_logger(__name__)
_PREFIX = "/v1/runner"
_PASSED_ON = frozenset(
    {
        *("authorization", "content-type", "content-length", "content-range", "range", "if-range", "accept"),
        *("user-agent", "retry-after", "content-encoding", "etag", "accept-ranges", "cache-control", "upgrade"),
        *("www-authenticate", "runner-rotate", "runner-command"),
    }
)
"""Headers that mean something to both ends; everything else is between two neighbours."""
_WAIT_S = 60.0
"""Longer than a question for work may wait."""


class RunnerDoor:
    """Pure ASGI. ``url``: where the upscale service answers; without it there are no runners here."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._client: httpx.AsyncClient | None = None

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """As a middleware before ``app``."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            if scope["type"] == "http" and (path == _PREFIX or path.startswith(f"{_PREFIX}/")):
                await self._serve(path, scope, receive, send)
            else:
                await app(scope, receive, send)

        return serve

    async def _serve(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        if not set(path.split("/")).isdisjoint({".", ".."}):  # a way around to what the service tells no stranger
            await problem_response(path, 404, "there is no such thing")(scope, receive, send)
        elif self._url is None:
            detail = "no runners are taken here: the operator has not said where the upscale service is"
            await problem_response(path, 404, detail)(scope, receive, send)
        else:
            await self._pass_on(self._url, scope, receive, send)

    async def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            await self._client.aclose()

    async def _pass_on(self, url: str, scope: Scope, receive: Receive, send: Send) -> None:
        if self._client is None:
            limits = httpx.Limits(max_connections=500, max_keepalive_connections=50)
            timeout = httpx.Timeout(_WAIT_S, connect=5)
            self._client = httpx.AsyncClient(base_url=url, timeout=timeout, limits=limits, trust_env=False)
        started = False
        try:
            async with self._client.stream(
                scope["method"],
                scope["raw_path"].decode("ascii"),
                headers=_asked(scope),
                content=_body(receive) if _has_body(scope) else None,
            ) as answer:
                started = True
                kept = [(name, value) for name, value in answer.headers.raw if name.lower().decode() in _PASSED_ON]
                await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
                async for piece in answer.aiter_raw():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except (httpx.TransportError, ClientDisconnect) as error:
            if started:
                raise  # the connection ends, so that nobody takes half an answer for a whole one
            _log.warning("the upscale service does not answer a runner", error=repr(error))
            detail = "the upscale service does not answer; try again in a few seconds"
            refusal = problem_response(scope["path"], 503, detail, headers={"Retry-After": "5"})
            await refusal(scope, receive, send)


def _asked(scope: Scope) -> dict[str, str]:
    kept = {name: value for name, value in Headers(scope=scope).items() if name in _PASSED_ON}
    trace = traceparent()
    return {**kept, **({"traceparent": trace} if trace else {})}


def _has_body(scope: Scope) -> bool:
    given = Headers(scope=scope)
    return given.get("content-length", "0") != "0" or "transfer-encoding" in given


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return
