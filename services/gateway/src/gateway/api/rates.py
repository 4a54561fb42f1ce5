"""Rate limits, in front of every route: a request is counted before anything is done for it."""

import asyncio
import hashlib

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.context import origin_of
from gateway.api.problems import refusal_response
from gateway.api.scope import held, note_answer_headers, note_caller
from gateway.domain.rates import class_of
from gateway.domain.refusals import RateLimited
from gateway.ports import Revocations, TokenMint
from gateway.ports.rates import Admission, Limiter
from gateway.usecases.api_keys import KEY_MARK

__all__ = ["EXPOSED", "RATE_FIELDS", "RateLimits"]

EXPOSED = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy", "Retry-After"]
"""What scripts of other origins may read, where CORS lets them in."""
_ABOUT = {
    "RateLimit-Limit": ("Requests a minute that are allowed of this kind.", "integer"),
    "RateLimit-Remaining": ("How many of them are left.", "integer"),
    "RateLimit-Reset": ("Seconds until all of them are back.", "integer"),
    "RateLimit-Policy": ("The same in one field: `3000;w=60`.", "string"),
}
RATE_FIELDS = {name: {"description": about, "schema": {"type": type_}} for name, (about, type_) in _ABOUT.items()}
"""For the OpenAPI document: draft-ietf-httpapi-ratelimit-headers-06."""


class RateLimits:
    """Pure ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp, *, limiter: Limiter, tokens: TokenMint, revocations: Revocations) -> None:
        self._app = app
        self._limiter = limiter
        self._tokens = tokens
        self._revocations = revocations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        admission = await self._limiter.admit(
            class_of(scope["method"], scope["path"]),
            address=origin_of(request).address,
            caller=await self._caller(scope),
        )
        verdict = admission.verdict
        note_answer_headers(scope, {} if verdict is None else verdict.headers)
        if verdict is not None and verdict.retry_after_s:
            refusal = RateLimited(verdict.detail, retry_after_s=verdict.retry_after_s)
            await refusal_response(request, refusal)(scope, receive, send)
        elif admission.places:
            await self._serve_held(admission, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _caller(self, scope: Scope) -> str | None:
        """Who is counted: a user by a token that is good, a key by its digest. Anybody can invent keys, each with a
        count of its own; then the address counts."""
        scheme, _, bearer = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not bearer:
            return None
        if bearer.startswith(KEY_MARK):
            return f"key:{hashlib.sha256(bearer.encode()).hexdigest()[:32]}"
        try:
            caller = await self._tokens.read(bearer)
        except Exception:  # noqa: BLE001 (whatever it is, the route says it; here it means that nobody is known)
            return None
        # Whether its session was ended is asked on the trip on which the request is counted, and read by the route.
        ahead = None if caller.session_id is None else self._revocations.ahead(caller.session_id)
        note_caller(scope, bearer, caller, ahead)
        return f"user:{caller.user_id}"

    async def _serve_held(self, admission: Admission, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that holds places, and hold them for as long as something is sent."""
        clock = asyncio.get_running_loop().time
        heard = clock()

        async def send_and_hold(message: Message) -> None:
            nonlocal heard
            await send(message)
            if clock() - heard > self._limiter.hold_s / 3:
                heard = clock()
                for one in (admission, *held(scope)):
                    await self._limiter.still_here(one)

        try:
            await self._app(scope, receive, send_and_hold)
        finally:
            for one in (admission, *held(scope)):
                await self._limiter.over(one)
