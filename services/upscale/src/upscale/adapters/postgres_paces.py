"""How fast machines are, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, any_, case, delete, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from upscale.adapters.runner_tables import paces, runners
from upscale.domain.pacing import LEARNING, MACHINE_CHARACTERS
from upscale.domain.runners import Policy
from upscale.ports.pacing import OPERATOR, MachineClass, Pace

__all__ = ["PostgresPaces"]

_FRESH = timedelta(days=7)
"""A worker of the pool that made nothing for so long is not counted on."""


class PostgresPaces:
    """The port ``Paces`` within one transaction, which somebody else commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def note(self, kind: MachineClass, model_sha256: str, seconds_per_megapixel: float) -> None:
        """Count one more chunk in."""
        row = insert(paces).values(
            **_key(kind), model_sha256=model_sha256, seconds_per_megapixel=seconds_per_megapixel, chunks=1
        )
        newer = paces.c.seconds_per_megapixel + LEARNING * (
            row.excluded.seconds_per_megapixel - paces.c.seconds_per_megapixel
        )
        known = case((paces.c.chunks == 0, row.excluded.seconds_per_megapixel), else_=newer)
        values = {"seconds_per_megapixel": known, "chunks": paces.c.chunks + 1, "changed_at": func.now()}
        await self._connection.execute(row.on_conflict_do_update(constraint="paces_pkey", set_=values))

    async def note_tile(self, kind: MachineClass, model_sha256: str, tile_pixels: int) -> None:
        """Remember the largest tile that such a machine has memory for."""
        row = insert(paces).values(
            **_key(kind), model_sha256=model_sha256, seconds_per_megapixel=0.0, chunks=0, tile_pixels=tile_pixels
        )
        values = {"tile_pixels": tile_pixels, "changed_at": func.now()}
        await self._connection.execute(row.on_conflict_do_update(constraint="paces_pkey", set_=values))

    async def of(self, kind: MachineClass, models: Sequence[str]) -> Mapping[str, Pace]:
        """What is known, by model."""
        columns = (paces.c.model_sha256, paces.c.seconds_per_megapixel, paces.c.chunks, paces.c.tile_pixels)
        own = [paces.c[name] == value for name, value in _key(kind).items()]
        rows = await self._connection.execute(select(*columns).where(*own, paces.c.model_sha256.in_(models)))
        return {model: Pace(pace if chunks else None, tile) for model, pace, chunks, tile in rows}

    async def fastest(self, tenant_id: UUID, model_sha256: str, policy: Policy) -> float | None:
        """Seconds for a megapixel on the fastest class of machines that would make a job of this tenant."""
        pool = and_(paces.c.pool.in_(("gpu", "local")), paces.c.changed_at > func.now() - _FRESH)
        owner = case((runners.c.scope == "shared", OPERATOR), else_=runners.c.tenant_id)
        lent = and_(
            paces.c.pool == "colab",
            exists().where(
                func.left(runners.c.machine, MACHINE_CHARACTERS) == paces.c.machine,
                owner == paces.c.tenant_id,
                or_(runners.c.tenant_id == tenant_id, runners.c.scope == "shared"),
                runners.c.online,
                runners.c.revoked.is_(False),
                runners.c.quarantined.is_(None),
                literal(model_sha256) == any_(runners.c.models),
            ),
        )
        who = {"gpu": pool, "colab": lent, "auto": or_(pool, lent)}[policy]
        mine = paces.c.tenant_id.in_((tenant_id, OPERATOR)), paces.c.model_sha256 == model_sha256, paces.c.chunks > 0
        found: float | None = await self._connection.scalar(
            select(func.min(paces.c.seconds_per_megapixel)).where(*mine, who)
        )
        return found

    async def forget(self, *, tenant_id: UUID | None = None, older_than_days: int | None = None) -> int:
        """Drop what was measured on a tenant's machines, or long ago; returns how many rows."""
        old = paces.c.changed_at < func.now() - timedelta(days=older_than_days or 0)
        which = paces.c.tenant_id == tenant_id if older_than_days is None else old
        return (await self._connection.execute(delete(paces).where(which))).rowcount


def _key(kind: MachineClass) -> dict[str, object]:
    return {"tenant_id": kind.tenant_id, "pool": kind.pool, "machine": kind.machine[:MACHINE_CHARACTERS]}
