"""The keys that sign access tokens: shared by all replicas, replaced from time to time, sealed at rest.

A new key is published before it signs, so that whoever keeps our key set for a while knows it in time; an old one stays
published until the last token it signed has expired. Public halves are kept open: a replica with another secret can
still verify what the others signed, and signs with a key of its own.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.telemetry import get_logger
from gateway.adapters.postgres.tables import signing_keys
from gateway.ports import Seal

__all__ = ["ALGORITHM", "KeyRing", "Rotation", "SigningKey"]

_log = get_logger(__name__)
ALGORITHM = "ES256"
_LOCK = 0x6B65_7973
_RELOAD_AFTER_S = 10.0
"""A token of an unknown key makes us look for new keys, no more often than this."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """How long keys serve."""

    serves: timedelta
    """How long a key signs until the next one does."""
    notice: timedelta
    """How long a key is published before it signs."""
    token_lifetime: timedelta
    """How long what it signed is good: until then it stays published."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key."""

    kid: str
    jwk: dict[str, str]
    public: jwt.PyJWK
    private: ec.EllipticCurvePrivateKey | None
    """None for one sealed with another secret."""
    signs_from: datetime


class KeyRing:
    """Keys in the database, read when they are needed and again every now and then."""

    def __init__(self, database: Database, seal: Seal, rotation: Rotation, *, look_every_s: float = 60) -> None:
        self._database = database
        self._seal = seal
        self._rotation = rotation
        self._look_every_s = look_every_s
        self._keys: dict[str, SigningKey] = {}
        self._loaded_at = float("-inf")
        self._loading = asyncio.Lock()

    async def signer(self) -> SigningKey:
        """The newest of the keys that may sign by now and whose private half we can read."""
        able = sorted((key for key in (await self.all()).values() if key.private), key=lambda key: key.signs_from)
        now = datetime.now(UTC)
        # The very first one may sign at once, whatever the clock of the replica that made it says.
        return next((key for key in reversed(able) if key.signs_from <= now), able[0])

    async def all(self, *, missing: str | None = None) -> dict[str, SigningKey]:
        """Every key that verifies; read again when one is missing that another replica may have made."""
        if self._keys and missing is None:
            return self._keys
        async with self._loading:
            unknown = missing is not None and missing not in self._keys
            if not self._keys or (unknown and time.monotonic() - self._loaded_at > _RELOAD_AFTER_S):
                await self.look_after()
        return self._keys

    async def run(self) -> None:
        """Look after the keys for as long as the service lives."""
        while True:
            try:
                await self.look_after()
            except Exception as error:  # noqa: BLE001 (what is away now is there at the next look)
                _log.warning("the signing keys could not be looked after", error=repr(error))
            await asyncio.sleep(self._look_every_s)

    async def look_after(self) -> None:
        """Make a key when one is due, drop those nobody needs any more, and remember the rest."""
        async with self._database.begin_untenanted() as connection:
            now = datetime.now(UTC)
            keys = await self._stored(connection)
            if self._due(keys, now) or self._retired(keys, now):
                # Replicas that come at once must agree on one key.
                await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
                keys = await self._stored(connection)
                await self._rotate(connection, keys, now)
                keys = await self._stored(connection)
        self._keys = {key.kid: key for key in keys}
        self._loaded_at = time.monotonic()

    async def replace(self) -> int:
        """Throw all keys away and begin with a new one: every access token is worthless at once.

        For a key that was stolen. Returns how many were thrown away. Replicas notice at their next look.
        """
        async with self._database.begin_untenanted() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            thrown = (await connection.execute(delete(signing_keys))).rowcount
            await self._add(connection, datetime.now(UTC))
        self._keys = {}
        return thrown

    async def _rotate(self, connection: AsyncConnection, keys: Sequence[SigningKey], now: datetime) -> None:
        if self._due(keys, now):
            usable = any(key.private for key in keys)
            await self._add(connection, now + self._rotation.notice if usable else now)
        retired = [key.kid for key in self._retired(keys, now)]
        if retired:
            await connection.execute(delete(signing_keys).where(signing_keys.c.kid.in_(retired)))

    def _due(self, keys: Sequence[SigningKey], now: datetime) -> bool:
        """Whether the newest key that we can use will have served its time when the next one may sign."""
        newest = max((key.signs_from for key in keys if key.private), default=None)
        return newest is None or now + self._rotation.notice >= newest + self._rotation.serves

    def _retired(self, keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
        """Keys whose successor has been signing for longer than any token lives. The newest is never among them."""
        ordered = sorted(keys, key=lambda key: key.signs_from)
        margin = self._rotation.token_lifetime + timedelta(seconds=2 * self._look_every_s)
        return [old for old, new in itertools.pairwise(ordered) if new.signs_from + margin < now]

    async def _stored(self, connection: AsyncConnection) -> list[SigningKey]:
        rows = await connection.execute(select(signing_keys).order_by(signing_keys.c.signs_from))
        return [self._key(row) for row in rows.mappings()]

    def _key(self, row: Any) -> SigningKey:
        known = self._keys.get(row["kid"])
        if known is not None:
            return known
        pem = self._seal.open(row["sealed_pem"].encode())
        private = None if pem is None else load_pem_private_key(pem, password=None)
        if private is None:
            _log.warning("a signing key was sealed with another secret; it can verify only", kid=row["kid"])
        elif not isinstance(private, ec.EllipticCurvePrivateKey):
            raise TypeError("the table signing_keys holds a key that is not an elliptic curve's")
        jwk = row["public_jwk"]
        return SigningKey(row["kid"], jwk, jwt.PyJWK(jwk, algorithm=ALGORITHM), private, row["signs_from"])

    async def _add(self, connection: AsyncConnection, signs_from: datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        kid = str(uuid4())
        public: dict[str, str] = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        row = {
            "kid": kid,
            "public_jwk": {**public, "kid": kid, "use": "sig", "alg": ALGORITHM},
            "sealed_pem": self._seal.close(pem).decode(),
            "signs_from": signs_from,
        }
        await connection.execute(insert(signing_keys).values(row))
        _log.info("a new signing key", kid=kid, signs_from=signs_from.isoformat())
