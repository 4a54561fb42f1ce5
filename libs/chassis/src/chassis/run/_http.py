"""What every service answers over HTTP: is it alive, is it ready, how is it doing."""

from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from chassis.run._vitals import Vitals, complaint

if TYPE_CHECKING:
    from chassis.run._service import Service

__all__ = ["Front"]


class Front:
    """An ASGI app that answers probes itself and leaves the rest to the service's own app."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._vitals = Vitals(service)
        self._routes = {"/healthz": self._health, "/readyz": self._readiness, "/metrics": self._metrics}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or pass it (and the lifespan) on."""
        if scope["type"] == "http" and scope["path"] in self._routes:
            response = await self._routes[scope["path"]](Request(scope, receive))
            await response(scope, receive, send)
        elif self._service.app is not None:
            await self._service.app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _accept_lifespan(receive, send)
        else:
            await PlainTextResponse("Not Found", status_code=404)(scope, receive, send)

    async def _health(self, _: Request) -> Response:
        """Alive: restart me if not. A server that is away is no reason to restart."""
        ailment = self._service.bus.ailing()
        return JSONResponse(
            {"alive": ailment is None, "service": self._service.name, "problem": ailment},
            status_code=200 if ailment is None else 503,
        )

    async def _readiness(self, _: Request) -> Response:
        """Ready: everything I need answers.

        A disk or a memory that is full is told and no reason to be taken out of rotation: what makes room again, such
        as erasing a video, is asked for here.
        """
        problems = {
            "postgresql": await complaint(self._service.database.ping()),
            "redis": await complaint(self._service.bus.redis.ping()),
            "groups": await complaint(self._groups()),
        }
        problems = {name: problem for name, problem in problems.items() if problem}
        body: dict[str, Any] = {"ready": not problems, "service": self._service.name, "problems": problems}
        body["warnings"] = await self._vitals.warnings()
        return JSONResponse(body, status_code=503 if problems else 200)

    async def _metrics(self, _: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def _groups(self) -> None:
        missing = await self._service.bus.missing_groups()
        if missing:
            raise LookupError(f"no group on {', '.join(missing)} yet")


async def _accept_lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
