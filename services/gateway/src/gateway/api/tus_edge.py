"""What tus wants of every answer, and the override of methods for clients that know only POST."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.tus import PREFIX
from gateway.domain.tus import VERSION

__all__ = ["TUS_ANSWERS", "TUS_ASKS", "TusEdge"]

_OVERRIDES = frozenset({"PATCH", "DELETE", "HEAD"})
TUS_ASKS = (
    *("Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Checksum", "Upload-Concat"),
    *("Upload-Defer-Length", "X-HTTP-Method-Override"),
)
"""Headers that a page of another origin may send."""
TUS_ANSWERS = (
    *("Location", "Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Concat", "Upload-Defer-Length"),
    *("Upload-Expires", "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
)
"""Headers that it may read."""


class TusEdge:
    """Pure ASGI, around the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not (scope["path"] == PREFIX or scope["path"].startswith(f"{PREFIX}/")):
            await self._app(scope, receive, send)
            return

        async def send_with_version(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Tus-Resumable"] = VERSION
                if message["status"] == 412:
                    headers["Tus-Version"] = VERSION
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        override = Headers(scope=scope).get("x-http-method-override", "").upper()
        if scope["method"] == "POST" and override in _OVERRIDES:
            scope = {**scope, "method": override}
        await self._app(scope, receive, send_with_version)
