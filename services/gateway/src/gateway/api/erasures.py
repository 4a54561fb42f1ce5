"""``/v1/erasures``: what was erased, who has answered, and the receipts."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from chassis.database import UnitOfWork
from gateway.api.context import Given, needs
from gateway.api.erasure_schemas import (
    ErasureView,
    TenantErasureRequest,
    TenantErasureView,
    erasure_view,
    tenant_view,
)
from gateway.api.once import OnlyOnce
from gateway.api.pages import Page, Paged, page_of
from gateway.api.problems import responses
from gateway.api.respond import json_response, keys_response
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import IdempotencyKeyReused, InvalidRequest, NotFound

__all__ = ["router"]

router = APIRouter(tags=["erasures"])
Reader = Annotated[Caller, needs(Right.ERASURES_READ)]
_JWS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The receipt, as a JWS.",
        "content": {"application/jwt": {"schema": {"type": "string"}, "example": "eyJhbGciOiJFUzI1NiIsInR5cCI6…"}},
    }
}
_KEY_SET = {
    "keys": [
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "kid": "2026-11-22",
            "use": "sig",
            "alg": "ES256",
        }
    ]
}


@router.get("/v1/erasures", response_model=Page[ErasureView])
async def list_erasures(request: Request, given: Given, paged: Paged, caller: Reader) -> Response:
    """The newest erasures."""
    found = await given.erasing.erasures.page(caller, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, erasure_view))


@router.get("/v1/erasures/{erasure_id}", response_model=ErasureView, responses=responses(NotFound))
async def read_erasure(erasure_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """One erasure: which service has deleted what, who is waited for, and in the end the receipt."""
    return json_response(request, erasure_view(await given.erasing.erasures.get(caller, erasure_id)))


@router.delete("/v1/scripts/{script_id}", status_code=202, responses=responses(NotFound), tags=["scripts"])
async def erase_script(
    script_id: UUID, response: Response, given: Given, caller: Annotated[Caller, needs(Right.SCRIPTS_ERASE)]
) -> ErasureView:
    """Erase a script with everything aligned with it, in every service. This cannot be undone.

    `Location` is the erasure. Transcripts, scenes and renditions of the videos it was used for stay.
    """
    erasure = await given.erasing.script(caller, script_id)
    response.headers["Location"] = f"/v1/erasures/{erasure.id}"
    return erasure_view(erasure)


@router.post(
    "/v1/tenants/current/erasure",
    status_code=202,
    response_model=TenantErasureView,
    responses=responses(InvalidRequest, IdempotencyKeyReused),
    tags=["tenants"],
)
async def erase_tenant(
    body: TenantErasureRequest,
    given: Given,
    once: OnlyOnce,
    caller: Annotated[Caller, needs(Right.TENANT_ERASE)],
) -> Response:
    """Erase your tenant: every video, script and job, every user but the audit's word of them. This cannot be undone.

    Everybody else is signed out at once, and you are when it is done; keep `receipt_token` for that.
    """
    ended: list[UUID] = []

    async def begin(work: UnitOfWork) -> TenantErasureView:
        begun = await given.erasing.tenant(work, caller, name=body.name)
        ended.extend(begun.ended)
        return tenant_view(begun)

    answer = await once(caller, begin, status=202, secret=True)
    await given.erasing.tenant.publish(ended)
    return answer


@router.get("/v1/receipts", response_class=Response, responses={**_JWS, **responses(NotFound)})
async def read_receipt(
    given: Given,
    receipt_token: Annotated[
        str,
        Header(
            description="The token that came when the tenant's erasure was asked for. In a header, for addresses are "
            "written into logs.",
            max_length=200,
            pattern=r"^[A-Za-z0-9_=-]+$",
        ),
    ],
) -> Response:
    """The receipt of a tenant that is no more, for whoever has kept its token."""
    receipt = await given.erasing.erasures.receipt(receipt_token)
    return Response(receipt, media_type="application/jwt", headers={"Cache-Control": "no-store"})


@router.get(
    "/.well-known/receipt-keys.json",
    response_model=dict[str, list[dict[str, str]]],
    responses={200: {"content": {"application/json": {"example": _KEY_SET}}}},
)
async def read_receipt_keys(request: Request, given: Given) -> Response:
    """The public keys that verify receipts of erasures (RFC 7517). None is ever taken out."""
    return keys_response(request, await given.erasing.erasures.receipts.public_keys())
