"""Opaque tokens: 256 random bits behind the tenant in whose rows they are looked up, kept by their digest."""

import base64
import hashlib
import secrets
from uuid import UUID

__all__ = ["digest", "new_token", "tenant_of"]


def new_token(tenant_id: UUID) -> str:
    """A token nobody can guess."""
    return base64.urlsafe_b64encode(tenant_id.bytes + secrets.token_bytes(32)).decode()


def digest(token: str) -> str:
    """What is kept of a token. It is 256 random bits: a plain digest is as good as a slow one."""
    return hashlib.sha256(token.encode()).hexdigest()


def tenant_of(token: str) -> UUID | None:
    """The tenant a token names; None if it is none of ours."""
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        return UUID(bytes=raw[:16]) if len(raw) == 48 else None
    except ValueError:
        return None
