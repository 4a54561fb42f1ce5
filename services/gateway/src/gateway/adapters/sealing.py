"""Secrets at rest: Fernet (AES-128-CBC with HMAC-SHA256) by the library cryptography, under a key derived by scrypt."""

import base64
from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

__all__ = ["FernetSeal"]

_SALT = b"matchcut gateway"
"""The same everywhere: replicas must agree on the key, and the secret itself is what nobody else has."""


class FernetSeal:
    """Seals with a key made from the operator's secret, when it is needed for the first time."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    @cached_property
    def _fernet(self) -> Fernet:
        key = Scrypt(salt=_SALT, length=32, n=2**14, r=8, p=1).derive(self._secret.encode())
        return Fernet(base64.urlsafe_b64encode(key))

    def close(self, secret: bytes) -> bytes:
        """Encrypt."""
        return self._fernet.encrypt(secret)

    def open(self, sealed: bytes) -> bytes | None:
        """Decrypt; None for what was sealed with another secret, or tampered with."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            return None
