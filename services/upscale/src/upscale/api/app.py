"""What runners ask, over HTTP. The gateway passes ``/v1/runner/`` on to here; errors are RFC 9457 problems."""

import json
import re
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from upscale.api import schemas
from upscale.api.bytes import Bytes
from upscale.api.problems import answers
from upscale.api.program import PROGRAM, Programs
from upscale.domain.runner_refusals import UnknownRunner
from upscale.domain.runners import PROTOCOL
from upscale.ports.runners import Intervals, Registration, Runner
from upscale.usecases.claiming import Claimed, Claims
from upscale.usecases.leasing import Leases, Report
from upscale.usecases.runners import Runners, must_be_spoken

__all__ = ["RunnerApi", "create_app"]

B = TypeVar("B", bound=BaseModel)
_MOST_BYTES = 64 * 1024
_UNWRITABLE = re.compile(r"[\x00\ud800-\udfff]")
"""Characters that PostgreSQL does not keep."""
ROTATE = "Runner-Rotate"
"""Tells a runner that gets no body to fetch a new secret."""
COMMAND = "Runner-Command"
"""Tells a runner that has nothing to do what its operator wants: pause or drain."""


class RunnerApi:
    """The routes. Each takes a request, asks the use case, and answers."""

    def __init__(self, runners: Runners, claims: Claims, leases: Leases, intervals: Intervals) -> None:
        self._runners = runners
        self._claims = claims
        self._leases = leases
        self._intervals = schemas.Intervals(
            lease_s=intervals.lease_s,
            renew_s=intervals.lease_s / 3,
            grace_s=intervals.grace_s,
            poll_s=intervals.poll_s,
        )

    async def register(self, request: Request) -> Response:
        """Become a runner."""
        body = await _read(request, schemas.RegisterRequest)
        said = body.capabilities
        registration = Registration(
            name=body.name,
            ephemeral=body.ephemeral,
            machine=said.gpu or said.processor,
            capabilities=said.model_dump(mode="json"),
            models=tuple(said.models.values()),
        )
        runner_id, secret = await self._runners.register(body.token, body.protocol, registration)
        return _json(
            schemas.Registered(runner_id=runner_id, secret=secret, protocol=PROTOCOL, intervals=self._intervals), 201
        )

    async def replace_secret(self, request: Request) -> Response:
        """A new secret for the one that is shown."""
        runner = await self._who(request)
        return _json(schemas.NewSecret(secret=await self._runners.replace_secret(runner)), 201)

    async def sign_off(self, request: Request) -> Response:
        """The runner goes."""
        await self._runners.sign_off(await self._who(request))
        return Response(status_code=204)

    async def claim(self, request: Request) -> Response:
        """The next chunk, or none."""
        runner = await self._who(request)
        body = await _read(request, schemas.ClaimRequest)
        must_be_spoken(body.protocol)
        said = {} if body.capabilities is None else body.capabilities.model_dump(mode="json")
        claimed = await self._claims(runner, said, wait_s=body.wait_s)
        if claimed is None:
            return Response(status_code=204, headers=_told(runner))
        return _json(self._lease(claimed, runner))

    async def renew(self, request: Request) -> Response:
        """A sign of life."""
        runner, chunk_id = await self._who(request), _chunk_in(request)
        body = await _read(request, schemas.RenewRequest)
        said = body.model_dump(exclude={"fencing_token", "frames_done"}, exclude_none=True)
        command, until = await self._leases.renew(
            runner, chunk_id, body.fencing_token, frames_done=body.frames_done, said=said
        )
        return _json(schemas.Renewed(command=command, lease_until=until, rotate=runner.rotate))

    async def urls(self, request: Request) -> Response:
        """Fresh addresses."""
        runner, chunk_id = await self._who(request), _chunk_in(request)
        body = await _read(request, schemas.TokenRequest)
        read, write = await self._leases.addresses_of(runner, chunk_id, body.fencing_token)
        return _json(schemas.Addresses(input_url=read, output_url=write))

    async def complete(self, request: Request) -> Response:
        """A chunk was handed in."""
        runner, chunk_id = await self._who(request), _chunk_in(request)
        body = await _read(request, schemas.CompleteRequest)
        report = Report(**body.model_dump(exclude={"fencing_token"}))
        await self._leases.complete(runner, chunk_id, body.fencing_token, report)
        return Response(status_code=202)

    async def fail(self, request: Request) -> Response:
        """A chunk comes back."""
        runner, chunk_id = await self._who(request), _chunk_in(request)
        body = await _read(request, schemas.FailRequest)
        await self._leases.fail(
            runner,
            chunk_id,
            body.fencing_token,
            reason=body.reason,
            detail=body.detail,
            tile_pixels=body.tile_pixels,
        )
        return Response(status_code=204)

    async def _who(self, request: Request) -> Runner:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise UnknownRunner("show your secret: Authorization: Bearer <secret>")
        return await self._runners.recognize(secret.strip())

    def _lease(self, claimed: Claimed, runner: Runner) -> schemas.Lease:
        offer, lease = claimed.offer, claimed.lease
        return schemas.Lease(
            chunk=schemas.Chunk(
                id=offer.chunk_id, index=offer.index, frames=offer.frames, start_s=offer.start_s, end_s=offer.end_s
            ),
            attempt=offer.tries + 1,
            fencing_token=lease.token,
            lease_until=lease.lease_until,
            intervals=self._intervals,
            input_url=claimed.input_url,
            output_url=claimed.output_url,
            source_sha256=claimed.plan.source_sha256,
            parameters=schemas.Parameters(plan=claimed.plan, tile_pixels=claimed.tile_pixels),
            rotate=runner.rotate,
        )


def create_app(api: RunnerApi, bytes_: Bytes, programs: Programs) -> Starlette:
    """The application."""
    lease = "/v1/runner/leases/{chunk_id:uuid}"
    routes = [
        Route("/v1/runner/register", api.register, methods=["POST"]),
        Route("/v1/runner/secret", api.replace_secret, methods=["POST"]),
        Route("/v1/runner/claims", api.claim, methods=["POST"]),
        Route(f"{lease}/renew", api.renew, methods=["POST"]),
        Route(f"{lease}/urls", api.urls, methods=["POST"]),
        Route(f"{lease}/complete", api.complete, methods=["POST"]),
        Route(f"{lease}/fail", api.fail, methods=["POST"]),
        Route("/v1/runner/bytes/{claim}/{proof}", bytes_.serve, methods=["GET", "PUT"]),
        Route("/v1/runner", api.sign_off, methods=["DELETE"]),
        Route(PROGRAM, programs.about, methods=["GET"]),
        Route(f"{PROGRAM}/{{file}}", programs.file, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers=answers())


def _told(runner: Runner) -> dict[str, str]:
    """What a runner hears that gets no chunk."""
    rotate = {ROTATE: "true"} if runner.rotate else {}
    return rotate if runner.wish == "work" else {**rotate, COMMAND: runner.wish}


def _chunk_in(request: Request) -> UUID:
    chunk_id: UUID = request.path_params["chunk_id"]
    return chunk_id


async def _read(request: Request, kind: type[B]) -> B:
    """The body. Raises ValidationError, HTTPException for one that is too long."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > _MOST_BYTES:
            raise HTTPException(413, f"a body has at most {_MOST_BYTES} bytes")
    return kind.model_validate(_parsed(bytes(data)))


def _parsed(data: bytes) -> Any:
    try:
        said = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(422, "the body is not JSON") from None
    if _UNWRITABLE.search(json.dumps(said, ensure_ascii=False).replace("\\u0000", "\x00")):
        raise HTTPException(422, "text has no zero bytes and no halves of characters")
    return said


def _json(body: BaseModel, status: int = 200) -> Response:
    return Response(body.model_dump_json(), status, {"Cache-Control": "no-store"}, "application/json")
