"""Access tokens: JWTs signed with ES256, by PyJWT."""

import time
from dataclasses import dataclass
from uuid import UUID, uuid4

import jwt

from gateway.adapters.signing_keys import ALGORITHM, KeyRing, SigningKey
from gateway.domain.access import Caller, Right, Role
from gateway.domain.refusals import Unauthenticated

__all__ = ["SignedTokens"]


_MOST_KNOWN = 4096
"""Tokens whose signature need not be verified again: a program sends one with each of thousands of requests."""


@dataclass(frozen=True, slots=True)
class _Known:
    key: SigningKey
    expires: float
    caller: Caller


class SignedTokens:
    """Issues and reads access tokens. One key signs at a time; every published key verifies."""

    def __init__(self, keys: KeyRing, *, issuer: str, audience: str = "matchcut") -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._known: dict[str, _Known] = {}

    async def issue(self, caller: Caller, *, lifetime_s: int) -> str:
        """A signed access token."""
        key = await self._keys.signer()
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(caller.user_id),
            "tenant": str(caller.tenant_id),
            "role": caller.role.value,
            "sid": str(caller.session_id),
            "iat": now,
            "exp": now + lifetime_s,
            "jti": str(uuid4()),
        }
        if caller.scopes is not None:
            claims["scope"] = " ".join(sorted(caller.scopes))
        assert key.private is not None, "a signer has a private half"
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})

    async def read(self, token: str) -> Caller:
        """Who a token speaks for; ``Unauthenticated`` if it is not ours, forged or expired.

        What was verified once is not verified again, as long as the very key that signed it is still published.
        """
        known = self._known.get(token)
        if known is not None:
            published = (await self._keys.all()).get(known.key.kid)
            if published is not None and published.jwk == known.key.jwk and known.expires > time.time():
                return known.caller
            self._known.pop(token, None)
        key, expires, caller = await self._verified(token)
        if len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[token] = _Known(key, expires, caller)
        return caller

    async def _verified(self, token: str) -> tuple[SigningKey, float, Caller]:
        try:
            kid = str(jwt.get_unverified_header(token).get("kid"))
            key = (await self._keys.all()).get(kid) or (await self._keys.all(missing=kid)).get(kid)
            if key is None:
                raise Unauthenticated("the access token was signed with a key we do not know; sign in again")
            claims = jwt.decode(
                token,
                key.public,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "sub", "aud", "iss", "sid"]},
            )
            scopes = frozenset(map(Right, claims["scope"].split())) if "scope" in claims else None
            user_id, tenant_id, session_id = UUID(claims["sub"]), UUID(claims["tenant"]), UUID(claims["sid"])
            return key, float(claims["exp"]), Caller(user_id, tenant_id, Role(claims["role"]), session_id, scopes)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the access token has expired; use the refresh token to get another") from None
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError):
            raise Unauthenticated("the access token is not valid; sign in again") from None

    async def public_keys(self) -> dict[str, list[dict[str, str]]]:
        """The keys that verify our tokens, and the one that will sign next, as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [key.jwk for key in (await self._keys.all()).values()]}
