"""``/v1/auth``: tokens by the book (RFC 6749, RFC 7009), invitations, and the keys that verify our tokens."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from gateway.api.context import From, Given
from gateway.api.people_schemas import Acceptance, Grant, OAuthError
from gateway.api.problems import responses
from gateway.api.respond import keys_response
from gateway.domain.refusals import InvalidGrant, InvalidRequest
from gateway.usecases import sign_in

__all__ = ["router"]

router = APIRouter(tags=["signing in"])

Field = Annotated[str | None, Form(max_length=1024, pattern=r"^[^\x00]*$")]
Revoked = Annotated[
    str,
    Form(
        max_length=1024,
        pattern=r"^[^\x00]*$",
        description="The refresh token.",
        examples=["AZNjoIweewKdDzpsLx5bdw…"],
    ),
]
_NEEDS = {
    "password": "username and password",
    "refresh_token": "refresh_token",
    "authorization_code": "code and code_verifier",
}
_OAUTH: dict[int | str, dict[str, Any]] = {
    400: {"model": OAuthError, "description": "No token for this (RFC 6749, section 5.2)"},
    429: {"model": OAuthError, "description": "Too many wrong passwords (`/problems/too-many-attempts`)"},
}
_SIGNING_IN = {
    "requestBody": {
        "content": {
            "application/x-www-form-urlencoded": {
                "examples": {
                    "password": {
                        "value": {"grant_type": "password", "username": "anna@example.org", "password": "correct horse"}
                    },
                    "authorization_code": {
                        "value": {
                            "grant_type": "authorization_code",
                            "code": "AZNjoIweewKdDzpsLx5bdw…",
                            "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                        }
                    },
                    "refresh_token": {
                        "value": {"grant_type": "refresh_token", "refresh_token": "AZNjoIweewKdDzpsLx5bdw…"}
                    },
                }
            }
        }
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


@router.post("/v1/auth/token", response_model=Grant, responses=_OAUTH, openapi_extra=_SIGNING_IN)
async def issue_token(
    request: Request,
    given: Given,
    origin: From,
    grant_type: Annotated[str, Form(max_length=64, examples=["password"])],
    username: Field = None,
    password: Field = None,
    refresh_token: Field = None,
    code: Field = None,
    code_verifier: Field = None,
    redirect_uri: Field = None,
    scope: Annotated[
        str | None, Form(max_length=1024, pattern=r"^[\x21\x23-\x5b\x5d-\x7e ]*$", description="Narrows the token.")
    ] = None,
) -> Response:
    """Get tokens: with `grant_type=password`, `username` (the e-mail address) and `password`; with
    `grant_type=refresh_token` and `refresh_token`; or with `grant_type=authorization_code`, `code` and `code_verifier`
    after signing in by an identity provider.
    """
    await _each_once(request)
    scopes = scope.split() if scope else None
    match grant_type:
        case "password" if username and password:
            grant = await given.accounts.sign_in.with_password(username, password, origin, scopes=scopes)
        case "refresh_token" if refresh_token:
            grant = await given.accounts.sign_in.with_refresh_token(refresh_token, scopes=scopes)
        case "authorization_code" if code and code_verifier:
            grant = await given.accounts.sign_on_codes.redeem(
                code, code_verifier, origin, return_to=redirect_uri, scopes=scopes
            )
        case known if known in _NEEDS:
            raise InvalidGrant(f"the grant {grant_type} needs {_NEEDS[known]}", error="invalid_request")
        case _:
            detail = f"grant_type must be one of {', '.join(_NEEDS)}"
            raise InvalidGrant(detail, error="unsupported_grant_type", field="grant_type")
    return _answer(grant)


@router.post("/v1/auth/revoke", status_code=200, response_class=Response, responses={400: _OAUTH[400]})
async def sign_out(request: Request, given: Given, token: Revoked) -> Response:
    """Sign out: the session of this refresh token ends, with its access tokens. An unknown token is no error."""
    await _each_once(request)
    await given.accounts.sign_in.sign_out(token)
    return Response(status_code=200)


@router.post("/v1/auth/accept-invitation", status_code=204, responses=responses(InvalidGrant, InvalidRequest))
async def accept_invitation(body: Acceptance, given: Given) -> None:
    """Choose your password by an invitation, then sign in with it. Sessions you had before are ended."""
    await given.accounts.users.accept(body.invitation, body.password)


@router.get(
    "/.well-known/jwks.json",
    response_model=dict[str, list[dict[str, str]]],
    responses={200: {"content": {"application/json": {"example": _KEY_SET}}}},
)
async def read_public_keys(request: Request, given: Given) -> Response:
    """The public keys of our access tokens (RFC 7517). A key is published an hour before it signs."""
    return keys_response(request, await given.accounts.tokens.public_keys())


async def _each_once(request: Request) -> None:
    """A parameter that comes twice is a trick or a mistake (RFC 6749, section 3.2)."""
    names = [name for name, _ in (await request.form()).multi_items()]
    if len(names) != len(set(names)):
        raise InvalidGrant("a parameter came more than once", error="invalid_request")


def _answer(grant: sign_in.Grant) -> Response:
    body = Grant(
        access_token=grant.access_token,
        expires_in=grant.expires_in,
        refresh_token=grant.refresh_token,
        scope=" ".join(sorted(grant.rights)),
    ).model_dump_json()
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    return Response(body, media_type="application/json", headers=headers)
