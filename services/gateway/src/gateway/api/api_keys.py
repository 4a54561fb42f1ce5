"""``/v1/api-keys``: keys for programs."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.database import UnitOfWork
from gateway.api.context import Given, needs
from gateway.api.once import OnlyOnce
from gateway.api.pages import Page, Paged, page_of
from gateway.api.people_schemas import ApiKey, ApiKeyRequest, NewApiKey
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.api.views import api_key_view
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import Forbidden, IdempotencyKeyReused, InvalidRequest, NotFound

__all__ = ["router"]

router = APIRouter(prefix="/v1/api-keys", tags=["api keys"])
Reader = Annotated[Caller, needs(Right.API_KEYS_READ)]
Writer = Annotated[Caller, needs(Right.API_KEYS_WRITE)]


@router.post(
    "", status_code=201, response_model=NewApiKey, responses=responses(Forbidden, InvalidRequest, IdempotencyKeyReused)
)
async def make_api_key(body: ApiKeyRequest, given: Given, once: OnlyOnce, caller: Writer) -> Response:
    """Make a key. Its secret is in this answer and nowhere else. It may do what its scopes say, and never more than
    you may at the time it is used.
    """

    async def make(work: UnitOfWork) -> NewApiKey:
        made = await given.accounts.api_keys.make(
            work, caller, name=body.name, scopes=body.scopes, expires_at=body.expires_at
        )
        return NewApiKey(api_key=api_key_view(made.key), secret=made.secret)

    return await once(caller, make, status=201, secret=True)


@router.get("", response_model=Page[ApiKey])
async def list_api_keys(request: Request, given: Given, paged: Paged, caller: Reader) -> Response:
    """The newest keys, revoked and expired ones too."""
    found = await given.accounts.api_keys.page(caller, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, api_key_view))


@router.get("/{key_id}", response_model=ApiKey, responses=responses(NotFound))
async def read_api_key(key_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """One key."""
    return json_response(request, api_key_view(await given.accounts.api_keys.get(caller, key_id)))


@router.delete("/{key_id}", status_code=204, responses=responses(NotFound))
async def revoke_api_key(key_id: UUID, given: Given, caller: Writer) -> None:
    """Make a key worthless, at once and for good."""
    await given.accounts.api_keys.revoke(caller, key_id)
