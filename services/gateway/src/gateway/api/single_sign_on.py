"""``/v1/auth/sso``: a browser goes to the studio's identity provider and comes back with a code for its client."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Cookie, Query, Response

from gateway.api.context import Given
from gateway.api.problems import responses
from gateway.domain.refusals import InvalidRequest, NotFound, SignOnUnavailable
from gateway.usecases.single_sign_on import CameBack, SignOnOrder

__all__ = ["router"]

router = APIRouter(prefix="/v1/auth/sso", tags=["signing in"])
_COOKIE = "matchcut_sso"
_SENT: dict[int | str, dict[str, Any]] = {303: {"description": "Where the browser goes next, as `Location`"}}
Said = Annotated[str | None, Query(max_length=4096, pattern=r"^[^\x00]*$")]


@router.get(
    "/{tenant_id}/{provider_id}",
    status_code=303,
    response_class=Response,
    responses={**_SENT, **responses(NotFound, InvalidRequest, SignOnUnavailable)},
)
async def begin_single_sign_on(
    tenant_id: UUID,
    provider_id: UUID,
    given: Given,
    redirect_uri: Annotated[str, Query(max_length=1024, description="One of the provider's `return_urls`.")],
    code_challenge: Annotated[
        str, Query(pattern=r"^[A-Za-z0-9_-]{43}$", description="SHA-256 of your verifier, base64url (RFC 7636).")
    ],
    code_challenge_method: Literal["S256"] = "S256",
    state: Annotated[str, Query(max_length=512, pattern=r"^[\x20-\x7e]*$", description="Comes back as it is.")] = "",
) -> Response:
    """Send a browser here to sign in. It comes back to `redirect_uri` with a `code` for `POST /v1/auth/token`
    (`grant_type=authorization_code`), or with an `error`.
    """
    order = SignOnOrder(tenant_id, provider_id, return_to=redirect_uri, challenge=code_challenge, state=state)
    begun = await given.accounts.single_sign_on.begin(order)
    answer = _redirect(begun.url)
    answer.set_cookie(
        _COOKIE,
        begun.cookie,
        max_age=begun.lifetime_s,
        path=_cookie_path(tenant_id, provider_id),
        secure=given.accounts.single_sign_on.is_secure,
        httponly=True,
        samesite="lax",  # the provider sends the browser back by a link of another site
    )
    return answer


@router.get(
    "/{tenant_id}/{provider_id}/callback",
    status_code=303,
    response_class=Response,
    responses={**_SENT, **responses(NotFound, InvalidRequest, SignOnUnavailable)},
)
async def finish_single_sign_on(
    tenant_id: UUID,
    provider_id: UUID,
    given: Given,
    state: Annotated[str, Query(max_length=512)],
    code: Said = None,
    iss: Said = None,
    error: Said = None,
    cookie: Annotated[str | None, Cookie(alias=_COOKIE, max_length=512)] = None,
) -> Response:
    """Where the identity provider sends the browser back. Nobody else calls this."""
    back = CameBack(tenant_id, provider_id, state=state, cookie=cookie, code=code, issuer=iss, error=error)
    answer = _redirect(await given.accounts.single_sign_on.finish(back))
    answer.delete_cookie(_COOKIE, path=_cookie_path(tenant_id, provider_id))
    return answer


def _redirect(url: str) -> Response:
    return Response(status_code=303, headers={"Location": url, "Cache-Control": "no-store"})


def _cookie_path(tenant_id: UUID, provider_id: UUID) -> str:
    return f"/v1/auth/sso/{tenant_id}/{provider_id}/callback"
