"""The application: all routes, each with the right it asks for."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from gateway.api import (
    alignments,
    api_keys,
    audit,
    erasures,
    estimates,
    events,
    exports,
    findings,
    held,
    identity_providers,
    jobs,
    logos,
    me,
    reference,
    results,
    retention,
    runners,
    scripts,
    search,
    signing_in,
    single_sign_on,
    tenants,
    tus,
    uploads,
    usage,
    users,
    videos,
    webhooks,
)
from gateway.api.context import UseCases
from gateway.api.edge import BodySizes, Edge
from gateway.api.openapi import DescribedApp, operation_id
from gateway.api.problems import answer_with_problems
from gateway.api.rates import EXPOSED, RateLimits
from gateway.api.tus_edge import TUS_ANSWERS, TUS_ASKS, TusEdge
from gateway.api.webhook_events import describe_webhooks
from gateway.api.witnessing import Witnessing, takes_contents_out

__all__ = ["OPEN_TO_ALL", "UndeclaredRoute", "create_app", "declared_rights", "describe", "routes"]

OPEN_TO_ALL = frozenset(
    {
        ("POST", "/v1/auth/token"),
        ("POST", "/v1/auth/revoke"),
        ("POST", "/v1/auth/accept-invitation"),
        ("GET", "/v1/auth/sso/{tenant_id}/{provider_id}"),
        ("GET", "/v1/auth/sso/{tenant_id}/{provider_id}/callback"),
        ("GET", "/.well-known/jwks.json"),
        ("GET", "/.well-known/receipt-keys.json"),
        ("GET", "/v1/receipts"),
        ("OPTIONS", "/v1/uploads/tus"),
        ("GET", "/docs"),
        ("GET", "/docs/start.js"),
        ("GET", "/problems/{slug}"),
    }
)
"""What answers without a token. Every other route must say which right it asks for, or the service does not start."""

_ROUTERS: tuple[APIRouter, ...] = (
    signing_in.router,
    single_sign_on.router,
    identity_providers.router,
    me.router,
    users.router,
    api_keys.router,
    tenants.router,
    tus.router,
    uploads.router,
    videos.router,
    held.router,
    scripts.router,
    estimates.router,
    jobs.router,
    results.router,
    findings.router,
    alignments.router,
    logos.router,
    search.router,
    events.router,
    webhooks.router,
    audit.router,
    erasures.router,
    retention.router,
    exports.router,
    usage.router,
    runners.router,
)
_ABOUT = """Upload a video and the script it was shot from; get its scenes, its words with their times, what became of
each line of the script, its watermarks, and an upscaled rendition.

1. `POST /v1/auth/token`, then send the access token as `Authorization: Bearer …`; programs send an API key there.
2. Send the film to `/v1/uploads/tus` by any client of [tus](https://tus.io), then `POST /v1/videos`; or name its
   address there as `source`. Small ones: `POST /v1/uploads`, and `PUT` the bytes to its `content_url`.
3. `POST /v1/scripts`, then `POST /v1/jobs` with the steps you want.
4. Watch `GET /v1/jobs/{id}/events`, or be told by a webhook, then get `GET /v1/jobs/{id}/results`.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problems. Times are RFC 3339. Lists come in pages, by
cursor. A POST with an `Idempotency-Key` may be repeated without harm.

Almost every answer to a GET has an `ETag`: send it as `If-None-Match` when you ask again, and what is still the same is
answered 304, without a body. Send it as `If-Match` when you change what you read, and nothing is changed that somebody
else has changed since: 412. An alignment, which several people correct at once, is changed in no other way: 428."""


Door = Callable[[ASGIApp], ASGIApp]


class UndeclaredRoute(RuntimeError):
    """A route that does not say which right it asks for."""


def create_app(
    use_cases: UseCases, *, max_body_bytes: int, cors_origins: Sequence[str] = (), runner_door: Door | None = None
) -> FastAPI:
    """The gateway as an ASGI application. Raises UndeclaredRoute."""
    app = _described_app()
    app.state.use_cases = use_cases
    answer_with_problems(app)
    if runner_door is not None:
        app.add_middleware(runner_door)
    app.add_middleware(BodySizes, max_body_bytes=max_body_bytes)
    accounts = use_cases.accounts
    app.add_middleware(RateLimits, limiter=use_cases.limiter, tokens=accounts.tokens, revocations=accounts.revocations)
    app.add_middleware(TusEdge)
    if cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(cors_origins),
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Range"),
                *TUS_ASKS,
            ],
            expose_headers=["ETag", "Content-Range", "X-Request-Id", *EXPOSED, *TUS_ANSWERS],
        )
    contents = frozenset(route.name for route in routes() if takes_contents_out(route, declared_rights(route)))
    app.add_middleware(Witnessing, audit=use_cases.audit, contents=contents)
    app.add_middleware(Edge)
    for route in routes():
        for method in route.methods or ():
            if not declared_rights(route) and (method, route.path) not in OPEN_TO_ALL:
                raise UndeclaredRoute(f"{method} {route.path} does not say which right it asks for")
    return app


def describe() -> dict[str, Any]:
    """The OpenAPI document, without a service behind it."""
    return _described_app().openapi()


def _described_app() -> FastAPI:
    """The routes, which nobody answers yet."""
    app = DescribedApp(
        title="Matchcut",
        version="1",
        description=_ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the chassis traces
    )
    for router in _ROUTERS:
        app.include_router(router)
    describe_webhooks(app)
    reference.add_reference(app)
    return app


def routes() -> Iterator[APIRoute]:
    """Every route of ours."""
    for router in (*_ROUTERS, reference.router):
        for route in router.routes:
            if isinstance(route, APIRoute):
                yield route


def declared_rights(route: APIRoute) -> list[str]:
    """The rights a route asks for."""
    return list(_scopes(route.dependant))


def _scopes(dependant: Dependant) -> Iterator[str]:
    for needed in dependant.dependencies:
        yield from needed.own_oauth_scopes or ()
        yield from _scopes(needed)
