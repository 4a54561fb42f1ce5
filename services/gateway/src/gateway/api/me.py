"""``/v1/me``: who you are, your password, and where you are signed in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from gateway.api.context import From, Given, needs
from gateway.api.people_schemas import Me, NewPassword, SessionList
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.api.views import sessions_view
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import InvalidRequest, NotFound, TooManyAttempts

__all__ = ["router"]

router = APIRouter(prefix="/v1/me", tags=["me"])
Reader = Annotated[Caller, needs(Right.ME_READ)]
Writer = Annotated[Caller, needs(Right.ME_WRITE)]


@router.get("", summary="Read who you are", response_model=Me, responses=responses(NotFound))
async def read_me(request: Request, given: Given, caller: Reader) -> Response:
    """Who you are, and for which tenant."""
    identity = await given.accounts.sign_in.identity(caller)
    me = Me(
        id=caller.user_id,
        email=identity.email,
        role=caller.role,
        tenant_id=caller.tenant_id,
        tenant=identity.tenant,
        rights=tuple(sorted(caller.rights)),
    )
    return json_response(request, me)


@router.put("/password", status_code=204, responses=responses(InvalidRequest, NotFound, TooManyAttempts))
async def change_password(body: NewPassword, given: Given, origin: From, caller: Writer) -> None:
    """Change your password. Everywhere else you are signed out."""
    await given.accounts.sessions.change_password(
        caller, body.current_password, body.new_password, address=origin.address
    )


@router.get("/sessions", response_model=SessionList)
async def list_sessions(request: Request, given: Given, caller: Reader) -> Response:
    """Where you are signed in."""
    return json_response(request, sessions_view(await given.accounts.sessions.mine(caller), current=caller.session_id))


@router.delete("/sessions", status_code=204)
async def end_other_sessions(given: Given, caller: Writer) -> None:
    """Sign out everywhere but here."""
    await given.accounts.sessions.end_others(caller)


@router.delete("/sessions/{session_id}", status_code=204, responses=responses(NotFound))
async def end_session(session_id: UUID, given: Given, caller: Writer) -> None:
    """Sign out there. Its access tokens are refused from now on."""
    await given.accounts.sessions.end(caller, session_id)
