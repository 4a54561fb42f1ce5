"""Receipts: JWS signed with ES256 by the key that signs access tokens, verified by a key set of their own.

A token lives for minutes and its key is forgotten soon after; a receipt must be verifiable for years. So the public
half of a key that signed one is kept. It is published apart from those of access tokens: a key that was retired because
its private half may have leaked shall verify old receipts and no new token.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Database, UnitOfWork
from gateway.adapters.postgres.tables.erasures import receipt_keys
from gateway.adapters.signing_keys import ALGORITHM, KeyRing

__all__ = ["RECEIPT_TYPE", "SignedReceipts"]

RECEIPT_TYPE = "erasure-receipt+jwt"
"""The ``typ`` of the header: nobody shall take a receipt for a token, or a token for a receipt."""


class SignedReceipts:
    """Signs receipts."""

    def __init__(self, keys: KeyRing, database: Database, *, issuer: str) -> None:
        self._keys = keys
        self._database = database
        self._issuer = issuer

    async def sign(self, work: UnitOfWork, claims: Mapping[str, Any]) -> str:
        """A receipt as a JWS. The key that verifies it is kept for ever, from this commit on."""
        key = await self._keys.signer()
        assert key.private is not None, "a signer has a private half"
        row = insert(receipt_keys).values(kid=key.kid, public_jwk=key.jwk)
        await work.connection.execute(row.on_conflict_do_nothing())
        said = {"iss": self._issuer, "iat": int(datetime.now(UTC).timestamp()), **claims}
        return jwt.encode(said, key.private, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": RECEIPT_TYPE})

    async def public_keys(self) -> dict[str, list[dict[str, str]]]:
        """All keys that verify receipts, as a JSON Web Key Set."""
        async with self._database.begin_untenanted() as connection:
            query = select(receipt_keys.c.public_jwk).order_by(receipt_keys.c.created_at)
            return {"keys": list((await connection.execute(query)).scalars())}
