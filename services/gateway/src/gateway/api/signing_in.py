"""``/v1/auth``, ``/v1/me`` and the keys that verify our tokens."""

from typing import Annotated

from fastapi import APIRouter, Form, Response

from gateway.api.context import Given, needs
from gateway.api.problems import responses
from gateway.api.schemas import Grant, Me
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import InvalidGrant, NotFound
from gateway.usecases import sign_in

__all__ = ["router"]

router = APIRouter(tags=["signing in"])

Field = Annotated[str | None, Form(max_length=1024, pattern=r"^[^\x00]*$")]


@router.post("/v1/auth/token", response_model=Grant, responses=responses(InvalidGrant))
async def issue_token(
    given: Given,
    grant_type: Annotated[str, Form(max_length=64, examples=["password"])],
    username: Field = None,
    password: Field = None,
    refresh_token: Field = None,
) -> Response:
    """Get tokens: with `grant_type=password`, `username` (the e-mail address) and `password`, or with
    `grant_type=refresh_token` and `refresh_token`.
    """
    match grant_type:
        case "password" if username and password:
            grant = await given.sign_in.with_password(username, password)
        case "refresh_token" if refresh_token:
            grant = await given.sign_in.with_refresh_token(refresh_token)
        case "password" | "refresh_token":
            missing = "username and password" if grant_type == "password" else "refresh_token"
            raise InvalidGrant(f"the grant {grant_type} needs {missing}", error="invalid_request")
        case _:
            detail = "grant_type must be password or refresh_token"
            raise InvalidGrant(detail, error="unsupported_grant_type", field="grant_type")
    return _answer(grant)


def _answer(grant: sign_in.Grant) -> Response:
    body = Grant(
        access_token=grant.access_token, expires_in=grant.expires_in, refresh_token=grant.refresh_token
    ).model_dump_json()
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/v1/me", responses=responses(NotFound))
async def read_me(given: Given, caller: Annotated[Caller, needs(Right.ME_READ)]) -> Me:
    """Who you are, and for which tenant."""
    identity = await given.sign_in.identity(caller)
    return Me(
        id=caller.user_id,
        email=identity.email,
        role=caller.role,
        tenant_id=caller.tenant_id,
        tenant=identity.tenant,
    )


@router.get("/.well-known/jwks.json")
async def read_public_keys(given: Given) -> dict[str, list[dict[str, str]]]:
    """The public keys of our access tokens (RFC 7517)."""
    return await given.tokens.public_keys()
