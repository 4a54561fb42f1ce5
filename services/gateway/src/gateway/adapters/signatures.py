"""Standard Webhooks' two signatures: HMAC-SHA256 by the standard library, ed25519 by ``cryptography``. Keys at rest."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.domain.webhooks import SigningKey
from gateway.ports import Seal

__all__ = ["SealedKeys", "new_key", "signed_headers"]

_SECRET_BYTES = 32


class SealedKeys:
    """Keys that can be read with the operator's secret alone."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def new(self) -> SigningKey:
        """A new key, sealed."""
        key = new_key()
        return replace(key, secret=self._close(key.secret), private_key=self._close(key.private_key))

    def opened(self, key: SigningKey) -> SigningKey | None:
        """A key to sign with, or to show; None if it was sealed with a secret the operator has changed since."""
        secret, private = (self._seal.open(sealed.encode()) for sealed in (key.secret, key.private_key))
        if secret is None or private is None:
            return None
        return replace(key, secret=secret.decode(), private_key=private.decode())

    def _close(self, text: str) -> str:
        return self._seal.close(text.encode()).decode()


def new_key() -> SigningKey:
    """A new key, both halves of it."""
    private = Ed25519PrivateKey.generate()
    return SigningKey(
        secret=f"whsec_{_text(secrets.token_bytes(_SECRET_BYTES))}",
        private_key=f"whsk_{_text(private.private_bytes_raw())}",
        public_key=f"whpk_{_text(private.public_key().public_bytes_raw())}",
    )


def signed_headers(message_id: str, body: str, keys: Sequence[SigningKey], *, now: datetime) -> dict[str, str]:
    """The three headers of a message, with a signature of each kind by each key, the newest key first."""
    timestamp = str(int(now.timestamp()))
    content = f"{message_id}.{timestamp}.{body}".encode()
    signatures = [signature for key in keys for signature in (_hmac(key, content), _ed25519(key, content))]
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def _hmac(key: SigningKey, content: bytes) -> str:
    return f"v1,{_text(hmac.digest(_bytes(key.secret), content, hashlib.sha256))}"


def _ed25519(key: SigningKey, content: bytes) -> str:
    return f"v1a,{_text(Ed25519PrivateKey.from_private_bytes(_bytes(key.private_key)).sign(content))}"


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(key: str) -> bytes:
    return base64.b64decode(key.partition("_")[2])
