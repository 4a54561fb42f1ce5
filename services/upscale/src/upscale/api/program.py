"""The runners' program itself: whoever was invited installs it from the Matchcut that invited."""

import asyncio

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from upscale.api.problems import problem
from upscale.domain.runners import PROTOCOL
from upscale.ports.program import BuildWheel

__all__ = ["PROGRAM", "ProgramFile", "Programs"]

PROGRAM = "/v1/runner/program"


class ProgramFile(BaseModel):
    """The program. `pip install <address of this Matchcut><wheel>` installs it."""

    model_config = ConfigDict(frozen=True)

    version: str
    protocol: int = Field(description="What it speaks.")
    wheel: str = Field(description="Path of the file.")
    sha256: str


class Programs:
    """What anybody may ask for; it is the code of this service, and no secret."""

    def __init__(self, build: BuildWheel) -> None:
        self._build = build

    async def about(self, _: Request) -> Response:
        """Which program there is."""
        wheel = await asyncio.to_thread(self._build)
        body = ProgramFile(
            version=wheel.version, protocol=PROTOCOL, wheel=f"{PROGRAM}/{wheel.file}", sha256=wheel.sha256
        )
        return Response(body.model_dump_json(), 200, {"Cache-Control": "no-cache"}, "application/json")

    async def file(self, request: Request) -> Response:
        """The program."""
        wheel = await asyncio.to_thread(self._build)
        if request.path_params["file"] != wheel.file:
            return problem(request, "not-found", f"the program of this server is {PROGRAM}/{wheel.file}")
        headers = {"ETag": f'"{wheel.sha256}"', "Cache-Control": "no-cache"}
        return Response(wheel.content, 200, headers, "application/zip")
