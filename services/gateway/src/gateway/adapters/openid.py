"""OpenID Connect with providers that customers name: every request goes through the guard, every answer is distrusted.

Signatures and claims are checked by PyJWT, against keys the provider publishes; only asymmetric algorithms count, so
that neither ``none`` nor a client secret can sign.
"""

import asyncio
import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from gateway.adapters.id_tokens import Expected, KeySet, UntrustedToken, read_id_token
from gateway.adapters.outbound import Outbound, Unreached
from gateway.domain.destinations import ForbiddenDestination, destination_of
from gateway.domain.single_sign_on import ClientAuth, Person
from gateway.ports.single_sign_on import Errand, ProviderFault, ReturnedCode

__all__ = ["OpenIdClient"]

_MOST_BYTES = 512 * 1024
_MOST_KNOWN = 1000
_LONGEST_CLAIM = 255
_MOST_GROUPS = 1000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What JSON can spell and PostgreSQL does not take."""


@dataclass(frozen=True, slots=True)
class _Provider:
    """What a provider says of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    names_itself: bool
    """Whether it says who it is when it sends a browser back (RFC 9207)."""
    secret_in_body: bool
    keys: KeySet
    read_at: float


class OpenIdClient:
    """Us, as a relying party. What providers say of themselves is kept for ``fresh_s``."""

    def __init__(
        self, outbound: Outbound, *, timeout_s: float = 10, fresh_s: float = 600, reread_s: float = 30
    ) -> None:
        self._outbound = outbound
        self._timeout_s = timeout_s
        self._fresh_s = fresh_s
        self._reread_s = reread_s
        """An unknown key makes us ask for the keys again, and not more often than this."""
        self._known: dict[str, _Provider] = {}

    async def check(self, issuer: str) -> None:
        """Raise ProviderFault unless there is a provider of this name that we can work with."""
        await self._read(issuer)

    async def send_to(self, client: ClientAuth, errand: Errand) -> str:
        """Where to send a browser. Raises ProviderFault."""
        provider = await self._provider(client.issuer)
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": errand.redirect_uri,
            "scope": " ".join(errand.scopes),
            "state": errand.state,
            "nonce": errand.nonce,
            "code_challenge": errand.challenge,
            "code_challenge_method": "S256",
        }
        glue = "&" if "?" in provider.authorization_endpoint else "?"
        return f"{provider.authorization_endpoint}{glue}{urlencode(query)}"

    async def redeem(self, client: ClientAuth, returned: ReturnedCode) -> Person:
        """Whom the provider vouches for by this code. Raises ProviderFault."""
        provider = await self._provider(client.issuer)
        if returned.issuer != client.issuer and (returned.issuer is not None or provider.names_itself):
            raise ProviderFault("the answer came from another identity provider")
        tokens = await self._tokens(provider, client, returned)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str) or len(id_token) > _MOST_BYTES:
            raise ProviderFault("the identity provider sent no ID token")
        claims = await self._claims(provider, client, id_token, returned.nonce, access_token)
        if "email" not in claims and provider.userinfo_endpoint and isinstance(access_token, str):
            claims = await self._with_userinfo(provider.userinfo_endpoint, claims, access_token)
        return _person(claims, returned.groups_claim)

    async def _claims(
        self, provider: _Provider, client: ClientAuth, id_token: str, nonce: str, access_token: object
    ) -> dict[str, Any]:
        bound = access_token if isinstance(access_token, str) else None
        expected = Expected(client.issuer, client.client_id, nonce, bound)
        try:
            if not provider.keys.may_verify(id_token) and time.monotonic() - provider.read_at > self._reread_s:
                provider = await self._read(client.issuer)  # it may have changed its keys
            return read_id_token(id_token, provider.keys, expected)
        except UntrustedToken as untrusted:
            raise ProviderFault(f"the ID token cannot be trusted: {untrusted}") from None

    async def _provider(self, issuer: str) -> _Provider:
        known = self._known.get(issuer)
        if known is not None and time.monotonic() - known.read_at < self._fresh_s:
            return known
        return await self._read(issuer)

    async def _read(self, issuer: str) -> _Provider:
        """Ask a provider who it is and what its keys are."""
        said = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if said.get("issuer") != issuer:
            raise ProviderFault("the identity provider calls itself otherwise: give its issuer exactly as it does")
        named = {name: said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        for name, url in named.items():
            if not isinstance(url, str):
                raise ProviderFault(f"the identity provider names no {name}")
            await self._permitted(url)
        userinfo = said.get("userinfo_endpoint")
        methods = said.get("token_endpoint_auth_methods_supported")
        provider = _Provider(
            issuer=issuer,
            authorization_endpoint=str(named["authorization_endpoint"]),
            token_endpoint=str(named["token_endpoint"]),
            jwks_uri=str(named["jwks_uri"]),
            userinfo_endpoint=userinfo if isinstance(userinfo, str) else None,
            names_itself=said.get("authorization_response_iss_parameter_supported") is True,
            secret_in_body=isinstance(methods, list) and "client_secret_basic" not in methods,
            keys=KeySet.of(await self._get(str(named["jwks_uri"]))),
            read_at=time.monotonic(),
        )
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[issuer] = provider
        return provider

    async def _tokens(self, provider: _Provider, client: ClientAuth, returned: ReturnedCode) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": returned.code,
            "redirect_uri": returned.redirect_uri,
            "code_verifier": returned.verifier,
            "client_id": client.client_id,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if client.secret is not None and provider.secret_in_body:
            form["client_secret"] = client.secret
        elif client.secret is not None:
            headers["Authorization"] = _basic(client.client_id, client.secret)
        return await self._ask("POST", provider.token_endpoint, headers, urlencode(form).encode())

    async def _with_userinfo(self, url: str, claims: dict[str, Any], access_token: str) -> dict[str, Any]:
        """The claims and what else the provider says of the same person."""
        said = await self._ask("GET", url, {"Authorization": f"Bearer {access_token}"})
        if said.get("sub") != claims["sub"]:
            raise ProviderFault("the identity provider spoke of somebody else")
        return {**said, **claims}

    async def _permitted(self, url: str) -> None:
        try:
            await self._outbound.check(destination_of(url))
        except ForbiddenDestination as forbidden:
            raise ProviderFault(str(forbidden)) from None

    async def _get(self, url: str) -> dict[str, Any]:
        return await self._ask("GET", url, {})

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], content: bytes = b"") -> dict[str, Any]:
        """A JSON object from the provider. Raises ProviderFault."""
        try:
            answer = await self._outbound.send(
                method,
                destination_of(url),
                headers={"Accept": "application/json", "User-Agent": "Matchcut/1", **headers},
                content=content,
                timeout_s=self._timeout_s,
                most_bytes=_MOST_BYTES + 1,
            )
        except (ForbiddenDestination, Unreached) as fault:
            raise ProviderFault(f"the identity provider was not reached: {fault}") from None
        if answer.status != 200:
            raise ProviderFault(f"the identity provider answered {answer.status}")
        return await asyncio.to_thread(_object, answer.body)


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > _MOST_BYTES:
        raise ProviderFault("the identity provider sent too much")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise ProviderFault("the identity provider did not answer in JSON")
    return said


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749, section 2.3.1: both are form-encoded before they are joined."""
    joined = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return "Basic " + base64.b64encode(joined.encode()).decode()


def _person(claims: Mapping[str, Any], groups_claim: str) -> Person:
    """Only what has the right type and size: the claims are the provider's, the columns are ours."""
    subject, email, groups = claims.get("sub"), claims.get("email"), claims.get(groups_claim)
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_CLAIM or _UNSTORABLE.search(subject):
        raise ProviderFault("the identity provider does not say who signed in")
    good = isinstance(email, str) and 3 <= len(email) <= 254 and email.isprintable() and email.count("@") == 1
    names = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return Person(
        subject=subject,
        email=str(email) if good else "",
        email_verified=good and claims.get("email_verified") in (True, "true"),
        groups=frozenset(name for name in names[:_MOST_GROUPS] if isinstance(name, str)),
    )
