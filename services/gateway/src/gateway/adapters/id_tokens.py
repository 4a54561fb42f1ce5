"""ID tokens of foreign providers, read by PyJWT (OpenID Connect Core, 3.1.3.7): signature, issuer, audience, nonce."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import get_default_algorithms

__all__ = ["ALGORITHMS", "Expected", "KeySet", "UntrustedToken", "read_id_token"]

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""What may sign. All of them need a private key that only the provider has."""
_MOST_KEYS = 50
_LEEWAY_S = 60
"""How far two clocks may be apart."""


class UntrustedToken(Exception):
    """The token is not what the provider would send for this sign-in."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys a provider publishes, as it published them."""

    keys: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "KeySet":
        """Those that may sign. Encryption keys and shared secrets are left out."""
        listed = document.get("keys")
        found = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
        return cls(tuple(key for key in found[:_MOST_KEYS] if key.get("kty") != "oct" and key.get("use") != "enc"))

    def may_verify(self, token: str) -> bool:
        """Whether there is a key of the name the token gives."""
        return bool(self._fitting(_header(token)))

    def keys_for(self, token: str) -> tuple[str, list[jwt.PyJWK]]:
        """The token's algorithm, and the keys it may be signed with. Raises UntrustedToken."""
        header = _header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise UntrustedToken("it is signed in a way we do not accept")
        usable = []
        for key in self._fitting(header):
            if key.get("alg") not in (None, algorithm):
                continue
            try:
                usable.append(jwt.PyJWK(dict(key), algorithm=algorithm))
            except (jwt.PyJWTError, ValueError, TypeError, KeyError):
                continue  # a key of another kind, or a broken one
        return str(algorithm), usable

    def _fitting(self, header: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        kid = header.get("kid")
        return [key for key in self.keys if kid is None or key.get("kid") == kid]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str | None


def read_id_token(token: str, keys: KeySet, expected: Expected) -> dict[str, Any]:
    """The claims of a token made for us, by this provider, for this sign-in. Raises UntrustedToken."""
    algorithm, usable = keys.keys_for(token)
    if not usable:
        raise UntrustedToken("it is signed with a key the provider does not publish")
    claims, us = _verified(token, usable, algorithm, expected), expected.client_id
    if claims["aud"] not in (us, [us]) or claims.get("azp", us) != us:
        raise UntrustedToken("it is meant for somebody else too")
    if not _same(claims.get("nonce", ""), expected.nonce):
        raise UntrustedToken("it belongs to another sign-in")
    if expected.access_token is not None and "at_hash" in claims:
        _must_go_with(expected.access_token, str(claims["at_hash"]), algorithm)
    return claims


def _verified(token: str, usable: list[jwt.PyJWK], algorithm: str, expected: Expected) -> dict[str, Any]:
    fault: Exception = UntrustedToken("it has no valid signature")
    for key in usable:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=expected.issuer,
                audience=expected.client_id,
                leeway=_LEEWAY_S,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as refused:
            fault = UntrustedToken(str(refused)[:200])
            break
    raise fault


def _must_go_with(access_token: str, at_hash: str, algorithm: str) -> None:
    """The access token came with this ID token (Core, 3.1.3.8)."""
    digest = get_default_algorithms()[algorithm].compute_hash_digest(access_token.encode())
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
    if not _same(at_hash, half):
        raise UntrustedToken("the access token does not belong to it")


def _same(said: object, meant: str) -> bool:
    """Whatever was said: JSON can spell strings that no encoding takes."""
    return hmac.compare_digest(str(said).encode(errors="replace"), meant.encode())


def _header(token: str) -> Mapping[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise UntrustedToken("it is no JSON Web Token") from None
