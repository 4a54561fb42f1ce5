"""``/v1/identity-providers``: who says who your people are."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.database import UnitOfWork
from gateway.api.context import Given, UseCases, needs
from gateway.api.once import OnlyOnce
from gateway.api.pages import Page, Paged, page_of
from gateway.api.preconditions import IfMatch
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.api.sign_on_schemas import ProviderChange, ProviderRequest, ProviderView, order_of, provider_view
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import (
    ChangedMeanwhile,
    Forbidden,
    IdempotencyKeyReused,
    InvalidRequest,
    NotFound,
    TooManyProviders,
)
from gateway.domain.single_sign_on import IdentityProvider

__all__ = ["router"]

router = APIRouter(prefix="/v1/identity-providers", tags=["identity providers"])
Reader = Annotated[Caller, needs(Right.IDENTITY_PROVIDERS_READ)]
Writer = Annotated[Caller, needs(Right.IDENTITY_PROVIDERS_WRITE)]


@router.post(
    "",
    status_code=201,
    response_model=ProviderView,
    responses=responses(Forbidden, InvalidRequest, TooManyProviders, IdempotencyKeyReused),
)
async def set_up_identity_provider(body: ProviderRequest, given: Given, once: OnlyOnce, caller: Writer) -> Response:
    """Let people sign in by an OpenID provider. It is asked who it is before it is recorded."""
    await given.accounts.identity_providers.require_reachable(body.issuer)

    async def set_up(work: UnitOfWork) -> ProviderView:
        return _view(given, caller, await given.accounts.identity_providers.set_up(work, caller, order_of(body)))

    return await once(caller, set_up, status=201)


@router.get("", response_model=Page[ProviderView])
async def list_identity_providers(request: Request, given: Given, paged: Paged, caller: Reader) -> Response:
    """The newest providers."""
    found = await given.accounts.identity_providers.page(caller, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, lambda provider: _view(given, caller, provider)))


@router.get("/{provider_id}", response_model=ProviderView, responses=responses(NotFound))
async def read_identity_provider(provider_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """One provider, without its secret."""
    provider = await given.accounts.identity_providers.get(caller, provider_id)
    return json_response(request, _view(given, caller, provider))


@router.patch(
    "/{provider_id}",
    response_model=ProviderView,
    responses=responses(NotFound, Forbidden, InvalidRequest, ChangedMeanwhile),
)
async def change_identity_provider(
    provider_id: UUID, body: ProviderChange, request: Request, given: Given, caller: Writer, match: IfMatch
) -> Response:
    """Change what is given, or disable it. Who is signed in stays signed in."""

    def unless(provider: IdentityProvider) -> None:
        match.require(_view(given, caller, provider))

    providers = given.accounts.identity_providers
    await providers.get(caller, provider_id)
    await providers.require_reachable(body.issuer)
    changed = await providers.change(caller, provider_id, order_of(body), unless=unless)
    return json_response(request, _view(given, caller, changed))


@router.delete("/{provider_id}", status_code=204, responses=responses(NotFound, Forbidden, ChangedMeanwhile))
async def remove_identity_provider(provider_id: UUID, given: Given, caller: Writer, match: IfMatch) -> None:
    """Forget a provider. Who came by it keeps their account, and signs in otherwise."""

    def unless(provider: IdentityProvider) -> None:
        match.require(_view(given, caller, provider))

    await given.accounts.identity_providers.remove(caller, provider_id, unless=unless)


def _view(given: UseCases, caller: Caller, provider: IdentityProvider) -> ProviderView:
    return provider_view(provider, tenant_id=caller.tenant_id, public_url=given.accounts.single_sign_on.public_url)
