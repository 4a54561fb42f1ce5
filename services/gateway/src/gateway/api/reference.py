"""The reference for people: Swagger UI from our own files, so that it works without the internet; and the problems."""

from fastapi import APIRouter, FastAPI, Response
from fastapi.staticfiles import StaticFiles

from gateway.api.problems import described
from gateway.domain.refusals import NotFound

__all__ = ["add_reference"]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Matchcut API</title>
<link rel="icon" href="/docs/assets/favicon.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#reference", deepLinking: true, docExpansion: "list",
  defaultModelsExpandDepth: 0, persistAuthorization: false,
});
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def read_reference() -> Response:
    """The reference, to try things out."""
    return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/start.js")
async def start_reference() -> Response:
    """What starts Swagger UI; a file of its own, so that the page needs no inline script."""
    return Response(_START, media_type="text/javascript")


@router.get("/problems/{slug}")
async def read_problem(slug: str) -> dict[str, str | int]:
    """What a problem's ``type`` means."""
    found = described(slug)
    if found is None:
        raise NotFound("there is no problem of this type")
    return found


def add_reference(app: FastAPI) -> None:
    """Serve the reference. The files of Swagger UI are those the package fastapi-offline carries."""
    app.include_router(router)
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]), name="reference")
