"""``/v1/tenants``: yours."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from gateway.api.context import Given, needs
from gateway.api.people_schemas import Tenant, TenantChange
from gateway.api.preconditions import IfMatch
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import ChangedMeanwhile, NameTaken, NotFound

__all__ = ["router"]

router = APIRouter(prefix="/v1/tenants", tags=["tenants"])
Writer = Annotated[Caller, needs(Right.TENANT_WRITE)]


@router.get("/{tenant_id}", response_model=Tenant, responses=responses(NotFound))
async def read_tenant(
    tenant_id: UUID, request: Request, given: Given, caller: Annotated[Caller, needs(Right.TENANT_READ)]
) -> Response:
    """Your tenant; its id is in `GET /v1/me`."""
    return json_response(request, Tenant(id=tenant_id, name=await given.accounts.tenants.name(caller, tenant_id)))


@router.patch("/{tenant_id}", response_model=Tenant, responses=responses(NotFound, NameTaken, ChangedMeanwhile))
async def rename_tenant(
    tenant_id: UUID, body: TenantChange, request: Request, given: Given, caller: Writer, match: IfMatch
) -> Response:
    """Give your tenant another name."""

    def unless(name: str) -> None:
        match.require(Tenant(id=tenant_id, name=name))

    name = await given.accounts.tenants.rename(caller, tenant_id, body.name, unless=unless)
    return json_response(request, Tenant(id=tenant_id, name=name))
