"""Receipts of erasures, held against published keys: by anybody, and without asking whoever issued them."""

from collections.abc import Mapping
from typing import Any

import jwt
from pydantic import BaseModel, ConfigDict, ValidationError

from matchcut.client.errors import MatchcutError

__all__ = ["BadReceipt", "Receipt", "ReceiptService", "ReceiptSubject", "verify_receipt"]

_TYPE = "erasure-receipt+jwt"
_ALGORITHM = "ES256"


class BadReceipt(MatchcutError):
    """It is no receipt, or not signed by any of the keys, or not as it was signed."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ReceiptSubject(_Said):
    """What was erased."""

    kind: str
    id: str


class ReceiptService(_Said):
    """What one service deleted."""

    at: str
    rows: dict[str, int]
    blobs: dict[str, int]


class Receipt(_Said):
    """What a receipt says: what was deleted, where and when."""

    iss: str
    jti: str
    tenant: str
    erased: ReceiptSubject
    reason: str
    requested_at: str
    completed_at: str
    services: dict[str, ReceiptService]
    kept: tuple[str, ...]


def verify_receipt(receipt: str, keys: Mapping[str, Any], *, issuer: str = "matchcut") -> Receipt:
    """What a receipt says, once its signature holds. ``keys`` is a JSON Web Key Set. Raises BadReceipt."""
    receipt = receipt.strip()
    try:
        header = jwt.get_unverified_header(receipt)
        if header.get("typ") != _TYPE:
            raise BadReceipt("this is no receipt of an erasure")
        known = {key.key_id: key for key in jwt.PyJWKSet.from_dict(dict(keys)).keys}
        if header.get("kid") not in known:
            raise BadReceipt("none of these keys signed it")
        said = jwt.decode(receipt, known[header["kid"]], algorithms=[_ALGORITHM], issuer=issuer)
        return Receipt.model_validate(said)
    except (jwt.PyJWTError, ValidationError) as fault:
        raise BadReceipt(f"this receipt does not hold: {fault}") from None
