"""``/v1/users``: the people of your tenant."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.database import UnitOfWork
from gateway.api.context import Given, needs
from gateway.api.once import OnlyOnce
from gateway.api.pages import Page, Paged, page_of
from gateway.api.people_schemas import Invitation, InvitationRequest, SessionList, User, UserChange
from gateway.api.preconditions import IfMatch
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.api.views import invitation_view, sessions_view, user_view
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import (
    ChangedMeanwhile,
    EmailTaken,
    Forbidden,
    IdempotencyKeyReused,
    InvalidRequest,
    LastOwner,
    NotFound,
)

__all__ = ["router"]

router = APIRouter(prefix="/v1/users", tags=["users"])
Reader = Annotated[Caller, needs(Right.USERS_READ)]
Writer = Annotated[Caller, needs(Right.USERS_WRITE)]


@router.post(
    "", status_code=201, response_model=Invitation, responses=responses(Forbidden, EmailTaken, IdempotencyKeyReused)
)
async def invite_user(body: InvitationRequest, given: Given, once: OnlyOnce, caller: Writer) -> Response:
    """Invite somebody. Only an owner can make owners."""

    async def invite(work: UnitOfWork) -> Invitation:
        return invitation_view(await given.accounts.users.invite(work, caller, email=body.email, role=body.role))

    return await once(caller, invite, status=201, secret=True)


@router.get("", response_model=Page[User])
async def list_users(request: Request, given: Given, paged: Paged, caller: Reader) -> Response:
    """The newest users."""
    found = await given.accounts.users.page(caller, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, user_view))


@router.get("/{user_id}", response_model=User, responses=responses(NotFound))
async def read_user(user_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """One user."""
    return json_response(request, user_view(await given.accounts.users.get(caller, user_id)))


@router.patch("/{user_id}", response_model=User, responses=responses(NotFound, Forbidden, LastOwner, ChangedMeanwhile))
async def change_user(
    user_id: UUID, body: UserChange, request: Request, given: Given, caller: Writer, match: IfMatch
) -> Response:
    """Give another role, disable or enable. The user is signed out everywhere, and their keys obey at once."""
    changed = await given.accounts.users.change(
        caller, user_id, role=body.role, disabled=body.disabled, unless=lambda user: match.require(user_view(user))
    )
    return json_response(request, user_view(changed))


@router.delete("/{user_id}", status_code=204, responses=responses(NotFound, Forbidden, LastOwner, ChangedMeanwhile))
async def remove_user(user_id: UUID, response: Response, given: Given, caller: Writer, match: IfMatch) -> None:
    """Erase a user with their sessions and API keys, everywhere. What they made stays. `Location` is the erasure."""
    erasure_id = await given.accounts.users.remove(caller, user_id, unless=lambda user: match.require(user_view(user)))
    response.headers["Location"] = f"/v1/erasures/{erasure_id}"


@router.post(
    "/{user_id}/invitation",
    status_code=201,
    response_model=Invitation,
    responses=responses(NotFound, Forbidden, InvalidRequest, IdempotencyKeyReused),
)
async def invite_again(user_id: UUID, given: Given, once: OnlyOnce, caller: Writer) -> Response:
    """Let a user choose a new password: an invitation that was lost, or a password that was forgotten."""

    async def invite(work: UnitOfWork) -> Invitation:
        return invitation_view(await given.accounts.users.invite_again(work, caller, user_id))

    return await once(caller, invite, status=201, secret=True)


@router.get("/{user_id}/sessions", response_model=SessionList, responses=responses(NotFound))
async def list_user_sessions(user_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """Where a user is signed in."""
    found = await given.accounts.users.sessions(caller, user_id)
    return json_response(request, sessions_view(found, current=caller.session_id))


@router.delete("/{user_id}/sessions", status_code=204, responses=responses(NotFound, Forbidden))
async def end_user_sessions(user_id: UUID, given: Given, caller: Writer) -> None:
    """Sign a user out everywhere."""
    await given.accounts.users.end_sessions(caller, user_id)
