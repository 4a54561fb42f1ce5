"""Access tokens: JWTs signed with ES256, by PyJWT. The keys live in the database, so that replicas share them."""

import asyncio
import json
import time
from dataclasses import dataclass
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm
from sqlalchemy import func, insert, select

from chassis.database import Database
from gateway.adapters.postgres.tables import signing_keys
from gateway.domain.access import Caller, Role
from gateway.domain.refusals import Unauthenticated

__all__ = ["SignedTokens"]

_ALGORITHM = "ES256"
_LOCK = 0x6B65_7973
_RELOAD_AFTER_S = 10.0
"""A token of an unknown key makes us look for new keys, no more often than this."""


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str
    private: ec.EllipticCurvePrivateKey


class SignedTokens:
    """Issues and reads access tokens. The newest key signs; every key we have verifies."""

    def __init__(self, database: Database, *, issuer: str, audience: str = "matchcut") -> None:
        self._database = database
        self._issuer = issuer
        self._audience = audience
        self._keys: dict[str, _Key] = {}
        self._loaded_at = float("-inf")
        self._loading = asyncio.Lock()

    async def issue(self, caller: Caller, *, lifetime_s: int) -> str:
        """A signed access token."""
        key = next(reversed((await self._known_keys()).values()))
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(caller.user_id),
            "tenant": str(caller.tenant_id),
            "role": caller.role.value,
            "iat": now,
            "exp": now + lifetime_s,
            "jti": str(uuid4()),
        }
        return jwt.encode(claims, key.private, algorithm=_ALGORITHM, headers={"kid": key.kid})

    async def read(self, token: str) -> Caller:
        """Who a token speaks for; ``Unauthenticated`` if it is not ours, forged or expired."""
        try:
            kid = str(jwt.get_unverified_header(token).get("kid"))
            key = (await self._known_keys()).get(kid) or (await self._known_keys(missing=kid)).get(kid)
            if key is None:
                raise Unauthenticated("the access token was signed with a key we do not know; sign in again")
            claims = jwt.decode(
                token,
                key.private.public_key(),
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
            return Caller(UUID(claims["sub"]), UUID(claims["tenant"]), Role(claims["role"]))
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the access token has expired; use the refresh token to get another") from None
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError):
            raise Unauthenticated("the access token is not valid; sign in again") from None

    async def public_keys(self) -> dict[str, list[dict[str, str]]]:
        """The keys that verify our tokens, as a JSON Web Key Set (RFC 7517)."""
        keys = []
        for key in (await self._known_keys()).values():
            public = json.loads(ECAlgorithm.to_jwk(key.private.public_key()))
            keys.append({**public, "kid": key.kid, "use": "sig", "alg": _ALGORITHM})
        return {"keys": keys}

    async def _known_keys(self, *, missing: str | None = None) -> dict[str, _Key]:
        """Our keys, oldest first; read again when one is missing that another replica may have made."""
        if self._keys and missing is None:
            return self._keys
        async with self._loading:
            unknown = missing is not None and missing not in self._keys
            if not self._keys or (unknown and time.monotonic() - self._loaded_at > _RELOAD_AFTER_S):
                self._keys = await self._load()
                self._loaded_at = time.monotonic()
        return self._keys

    async def _load(self) -> dict[str, _Key]:
        query = select(signing_keys.c.kid, signing_keys.c.private_pem).order_by(signing_keys.c.created_at)
        async with self._database.begin_untenanted() as connection:
            rows = (await connection.execute(query)).all()
            if not rows:
                # Two replicas that start at once must agree on one key.
                await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
                rows = (await connection.execute(query)).all()
            if not rows:
                await connection.execute(insert(signing_keys).values(kid=str(uuid4()), private_pem=_new_key()))
                rows = (await connection.execute(query)).all()
        return {kid: _Key(kid, _private_key(pem)) for kid, pem in rows}


def _new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the table signing_keys holds a key that is not an elliptic curve's")
    return key
