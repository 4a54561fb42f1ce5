"""What routes are given: the use cases, and who is calling."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import OAuth2PasswordBearer, SecurityScopes

from chassis.blobs import Blobs
from chassis.database import Database
from gateway.domain.access import Caller, Right, may
from gateway.domain.refusals import Forbidden, Unauthenticated
from gateway.ports import RecordsOn, TokenMint
from gateway.usecases.jobs import Jobs
from gateway.usecases.results import Results
from gateway.usecases.scripts import Scripts
from gateway.usecases.sign_in import SignIn
from gateway.usecases.uploads import Uploads
from gateway.usecases.videos import Videos

__all__ = ["Given", "UseCases", "identify", "needs"]


@dataclass(frozen=True, slots=True)
class UseCases:
    """Everything the routes call."""

    database: Database
    records_on: RecordsOn
    blobs: Blobs
    tokens: TokenMint
    sign_in: SignIn
    uploads: Uploads
    videos: Videos
    scripts: Scripts
    jobs: Jobs
    results: Results
    heartbeat_s: float
    poll_s: float


def _use_cases(request: Request) -> UseCases:
    return cast(UseCases, request.app.state.use_cases)


Given = Annotated[UseCases, Depends(_use_cases)]

_bearer = OAuth2PasswordBearer(
    tokenUrl="/v1/auth/token",
    refreshUrl="/v1/auth/token",
    scopes={right.value: f"Granted by role: {right.value}" for right in Right},
    auto_error=False,
    scheme_name="OAuth2",
)


async def identify(asked: SecurityScopes, given: Given, token: Annotated[str | None, Depends(_bearer)]) -> Caller:
    """Who is calling, if they may do what the route asks for. Raises Unauthenticated, Forbidden."""
    if token is None:
        raise Unauthenticated("send an access token: Authorization: Bearer <token>")
    caller = await given.tokens.read(token)
    for scope in asked.scopes:
        if not may(caller.role, Right(scope)):
            raise Forbidden(f"the role {caller.role.value} does not have the right {scope}")
    return caller


def needs(right: Right) -> object:
    """The declaration every route makes: ``caller: Annotated[Caller, needs(Right.JOBS_READ)]``."""
    return Security(identify, scopes=[right.value])
