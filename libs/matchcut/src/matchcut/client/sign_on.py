"""Signing in by a studio's identity provider: setting one up, and the way through a browser and back."""

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict

from matchcut.client.errors import Unauthorised, Unreachable, raise_for_problem
from matchcut.client.resources import Token
from matchcut.client.tokens import Credentials
from matchcut.client.unchanged import Tagged, if_match, tagged
from matchcut.client.webhooks import Transport

__all__ = ["IdentityProvider", "IdentityProviders", "SignOn", "begin_sign_on"]


class GroupRole(BaseModel):
    """Whoever is in this group of the provider has this role here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    group: str
    role: str


class IdentityProvider(Tagged):
    """An OpenID provider of our tenant, without its secret. It has to know ``redirect_uri``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    name: str
    issuer: str
    client_id: str
    has_secret: bool = False
    scopes: tuple[str, ...] = ()
    groups_claim: str = "groups"
    group_roles: tuple[GroupRole, ...] = ()
    default_role: str | None = None
    email_domains: tuple[str, ...] = ()
    return_urls: tuple[str, ...] = ()
    owners: bool = False
    enabled: bool = True
    sign_in_url: str
    redirect_uri: str | None = None
    created_at: datetime | None = None


class IdentityProviders:
    """What one may do with them; it takes an owner or an admin. ``matchcut.identity_providers``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        name: str,
        issuer: str,
        client_id: str,
        *,
        return_urls: Sequence[str],
        client_secret: str | None = None,
        scopes: Sequence[str] | None = None,
        groups_claim: str | None = None,
        group_roles: Mapping[str, str] | None = None,
        default_role: str | None = None,
        email_domains: Sequence[str] | None = None,
        owners: bool | None = None,
    ) -> IdentityProvider:
        """Let people sign in by a provider. Of ``group_roles`` the first group that fits decides."""
        wanted = _given(
            name=name,
            issuer=issuer,
            client_id=client_id,
            client_secret=client_secret,
            return_urls=return_urls,
            scopes=scopes,
            groups_claim=groups_claim,
            group_roles=group_roles,
            default_role=default_role,
            email_domains=email_domains,
            owners=owners,
        )
        return self._transport.post(IdentityProvider, "/v1/identity-providers", wanted)

    def list(self) -> Iterator[IdentityProvider]:
        """All of them, newest first."""
        return self._transport.pages(IdentityProvider, "/v1/identity-providers")

    def get(self, provider_id: UUID) -> IdentityProvider:
        """One of them."""
        return self._transport.get(IdentityProvider, f"/v1/identity-providers/{provider_id}")

    def change(
        self,
        provider_id: UUID,
        *,
        name: str | None = None,
        issuer: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        return_urls: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
        groups_claim: str | None = None,
        group_roles: Mapping[str, str] | None = None,
        default_role: str | None = None,
        email_domains: Sequence[str] | None = None,
        owners: bool | None = None,
        enabled: bool | None = None,
        etag: str | None = None,
    ) -> IdentityProvider:
        """Change what is given; ``enabled=False`` lets nobody in by it. ``default_role=""`` takes no newcomers.

        With the ``etag`` that was read, only if nobody else has changed it: raises Changed.
        """
        change = _given(
            name=name,
            issuer=issuer,
            client_id=client_id,
            client_secret=client_secret,
            return_urls=return_urls,
            scopes=scopes,
            groups_claim=groups_claim,
            group_roles=group_roles,
            default_role=default_role,
            email_domains=email_domains,
            owners=owners,
            enabled=enabled,
        )
        if default_role == "":
            change["default_role"] = None
        path, headers = f"/v1/identity-providers/{provider_id}", if_match(etag)
        return tagged(IdentityProvider, self._transport.send("PATCH", path, json=change, headers=headers))

    def delete(self, provider_id: UUID, *, etag: str | None = None) -> None:
        """Forget one. Who came by it keeps their account."""
        self._transport.send("DELETE", f"/v1/identity-providers/{provider_id}", headers=if_match(etag))


def _given(*, group_roles: Mapping[str, str] | None, **fields: Any) -> dict[str, Any]:
    """Those that were given, as the API names them."""
    body = {name: value for name, value in fields.items() if value is not None}
    for name in {"return_urls", "scopes", "email_domains"} & set(body):
        body[name] = [*body[name]]
    if group_roles is not None:
        body["group_roles"] = [{"group": group, "role": role} for group, role in group_roles.items()]
    return body


@dataclass(frozen=True)
class SignOn:
    """A sign-in that has begun: send the browser to ``url``, and give ``finish`` the address it comes back to."""

    url: str
    gateway: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)

    def finish(self, came_back_to: str) -> Credentials:
        """Credentials for ``Matchcut``. Raises Unauthorised, and Invalid for a code that is not good any more."""
        said = {name: values[0] for name, values in parse_qs(urlsplit(came_back_to).query).items()}
        if not secrets.compare_digest(said.get("state", "").encode(), self.state.encode()):
            raise _refused("this is the end of another sign-in")
        if said.get("iss") != self.gateway:
            raise _refused("another gateway has answered, or one that calls itself otherwise (GATEWAY_PUBLIC_URL)")
        if "code" not in said:
            raise _refused(said.get("error_description", "the identity provider did not sign you in"))
        form = {"grant_type": "authorization_code", "code": said["code"], "code_verifier": self.verifier}
        try:
            answer = httpx.post(
                f"{self.gateway}/v1/auth/token", data={**form, "redirect_uri": self.redirect_uri}, trust_env=False
            )
        except httpx.TransportError as fault:
            raise Unreachable(f"no answer from {self.gateway}: {fault}") from fault
        raise_for_problem(answer)
        return Credentials(refresh_token=Token.model_validate_json(answer.content).refresh_token)


def begin_sign_on(gateway: str, sign_in_url: str, *, redirect_uri: str) -> SignOn:
    """Begin to sign in by the provider of this ``sign_in_url``; ``redirect_uri`` is one of its ``return_urls``."""
    gateway, state, verifier = gateway.rstrip("/"), secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = urlencode({"redirect_uri": redirect_uri, "code_challenge": challenge, "state": state})
    return SignOn(f"{gateway}{sign_in_url}?{query}", gateway, redirect_uri, state, verifier)


def _refused(why: str) -> Unauthorised:
    return Unauthorised(status=401, type="/problems/unauthenticated", title="Sign-in refused", detail=why)
