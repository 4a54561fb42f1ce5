"""The OpenAPI document of the runner protocol is that of the code, and names every route there is."""

import json
from pathlib import Path
from typing import Any

from starlette.routing import Route

from upscale.api.app import create_app
from upscale.api.openapi import FILE, document

ROOT = Path(__file__).resolve().parents[3]


class Silent:
    """Stands in for what the routes call: here nobody asks them anything."""

    def __getattr__(self, _name: str) -> Any:
        async def nothing(_request: Any) -> None: ...

        return nothing


def test_the_document_is_the_one_checked_in() -> None:
    kept = json.loads((ROOT / "docs" / FILE).read_text())

    assert kept == document(), "run `make docs` and commit what it wrote"


def test_every_route_is_documented_and_nothing_else_is() -> None:
    silent: Any = Silent()
    routes = [route for route in create_app(silent, silent, silent).routes if isinstance(route, Route)]

    served = {
        (method.lower(), route.path.replace(":uuid", ""))
        for route in routes
        for method in (route.methods or set())
        if method != "HEAD"
    }

    assert served == {(method, path) for path, item in document()["paths"].items() for method in item}
