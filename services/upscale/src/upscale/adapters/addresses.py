"""Addresses for bytes: a bucket's own where it has such, else paths of ours that carry their own proof."""

import base64
import hashlib
import hmac
import json
import time

from chassis.blobs import Blobs
from upscale.ports.runners import Allowed

__all__ = ["SignedAddresses"]

PATH = "/v1/runner/bytes"


class SignedAddresses:
    """Each is good for one blob, one thing to do, and some time. The proof is an HMAC over all three."""

    def __init__(self, blobs: Blobs, secret: str, *, lifetime_s: float) -> None:
        self._blobs = blobs
        self._secret = secret.encode()
        self._lifetime_s = lifetime_s

    async def to_read(self, key: str) -> str:
        """An address that answers with a blob, in ranges."""
        return await self._blobs.direct_download(key, lifetime_s=self._lifetime_s) or self._ours(key, "read")

    async def to_write(self, key: str, *, size: int | None = None) -> str:
        """An address that takes a blob, in pieces, by Content-Range."""
        return await self._blobs.direct_upload(key, size=size, origin=None) or self._ours(key, "write")

    def read(self, claim: str, proof: str) -> Allowed | None:
        """What one of our addresses allows; None if it is not ours, or too old."""
        if not hmac.compare_digest(self._proof(claim).encode(), proof.encode(errors="replace")):
            return None
        said = json.loads(base64.urlsafe_b64decode(claim + "=" * (-len(claim) % 4)))
        return Allowed(said["key"], said["what"]) if said["until"] > time.time() else None

    def _ours(self, key: str, what: str) -> str:
        said = json.dumps({"key": key, "what": what, "until": int(time.time() + self._lifetime_s)})
        claim = base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")
        return f"{PATH}/{claim}/{self._proof(claim)}"

    def _proof(self, claim: str) -> str:
        return hmac.new(self._secret, b"runner bytes/" + claim.encode(), hashlib.sha256).hexdigest()
