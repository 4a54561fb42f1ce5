"""How uploads get here, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import transfers, uploads
from gateway.domain.library import Transfer

__all__ = ["PostgresTransfers"]


class PostgresTransfers:
    """Transfers of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, transfer: Transfer) -> None:
        """Record it; its upload is there."""
        await self._connection.execute(insert(transfers).values(asdict(transfer)))

    async def get(self, upload_id: UUID) -> Transfer | None:
        """One; None for an upload whose bytes come in one request, or none at all."""
        found = await self._connection.execute(select(transfers).where(transfers.c.upload_id == upload_id))
        row = found.mappings().one_or_none()
        return None if row is None else _transfer(row)

    async def of_all(self, upload_ids: Sequence[UUID]) -> Sequence[Transfer]:
        """Those of these uploads that exist and were not given up, each once, in the order asked for."""
        there = (transfers.c.upload_id == uploads.c.id) & (uploads.c.state != "abandoned")
        query = select(transfers).join(uploads, there).where(transfers.c.upload_id.in_(upload_ids))
        found = {row["upload_id"]: _transfer(row) for row in (await self._connection.execute(query)).mappings()}
        return [found[upload_id] for upload_id in dict.fromkeys(upload_ids) if upload_id in found]

    async def take(self, upload_id: UUID, writer: UUID) -> bool:
        """Let this request append, and nobody who did before; False if the upload waits for no bytes."""
        waiting = select(uploads.c.id).where(uploads.c.id == upload_id, uploads.c.state == "waiting")
        row = update(transfers).where(transfers.c.upload_id.in_(waiting))
        return (await self._connection.execute(row.values(writer=writer, touched_at=func.now()))).rowcount == 1

    async def touch(self, upload_id: UUID, writer: UUID) -> bool:
        """Note that something came; False if this request may not append any more."""
        row = update(transfers).where(transfers.c.upload_id == upload_id, transfers.c.writer == writer)
        return (await self._connection.execute(row.values(touched_at=func.now()))).rowcount == 1

    async def set_length(self, upload_id: UUID, length: int) -> None:
        """Record a length that was not known at first."""
        row = update(transfers).where(transfers.c.upload_id == upload_id)
        await self._connection.execute(row.values(length=length))

    async def forget_source(self, upload_id: UUID) -> None:
        """Nobody will ask there any more: keep no address that may hold a secret."""
        row = update(transfers).where(transfers.c.upload_id == upload_id)
        await self._connection.execute(row.values(source=None))

    async def set_version(self, upload_id: UUID, validator: str | None) -> None:
        """Record which version of a source is being fetched."""
        row = update(transfers).where(transfers.c.upload_id == upload_id)
        await self._connection.execute(row.values(validator=validator))


def _transfer(row: Mapping[Any, Any]) -> Transfer:
    values = {name: value for name, value in row.items() if name != "tenant_id"}
    return Transfer(**{**values, "parts": tuple(values["parts"])})
