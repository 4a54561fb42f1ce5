"""``/v1/tenants``: yours."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from gateway.api.context import Given, needs
from gateway.api.people_schemas import Tenant, TenantChange
from gateway.api.problems import responses
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import NameTaken, NotFound

__all__ = ["router"]

router = APIRouter(prefix="/v1/tenants", tags=["tenants"])


@router.get("/{tenant_id}", responses=responses(NotFound))
async def read_tenant(tenant_id: UUID, given: Given, caller: Annotated[Caller, needs(Right.TENANT_READ)]) -> Tenant:
    """Your tenant; its id is in `GET /v1/me`."""
    return Tenant(id=tenant_id, name=await given.accounts.tenants.name(caller, tenant_id))


@router.patch("/{tenant_id}", responses=responses(NotFound, NameTaken))
async def rename_tenant(
    tenant_id: UUID, body: TenantChange, given: Given, caller: Annotated[Caller, needs(Right.TENANT_WRITE)]
) -> Tenant:
    """Give your tenant another name."""
    return Tenant(id=tenant_id, name=await given.accounts.tenants.rename(caller, tenant_id, body.name))
