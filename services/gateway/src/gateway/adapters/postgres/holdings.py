"""All that a tenant has in a table, straight from its rows: for exports, where nothing may be forgotten."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, literal, select, tuple_

from chassis.database import Database
from gateway.adapters.postgres.tables._columns import METADATA

__all__ = ["PostgresHoldings"]

_PAGE = 500


class PostgresHoldings:
    """Reads tables from their first row to their last, a page a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, tenant_id: UUID, table: str, but: Collection[str]) -> AsyncIterator[Sequence[str]]:
        """The tenant's rows, each as a JSON object without the columns named in ``but``."""
        columns, key = METADATA.tables[table].columns, list(METADATA.tables[table].primary_key.columns)
        shown = [column for column in columns if column.name not in ("tenant_id", *but)]
        pairs: list[Any] = [part for column in shown for part in (literal(column.name, Text), column)]
        rows = select(cast(func.jsonb_build_object(*pairs), Text), *key).order_by(*key).limit(_PAGE)
        query = rows
        while True:
            async with self._database.read(tenant_id) as connection:
                found = (await connection.execute(query)).all()
            yield [row[0] for row in found]
            if len(found) < _PAGE:
                return
            last = [literal(value, column.type) for value, column in zip(found[-1][1:], key, strict=True)]
            query = rows.where(tuple_(*key) > tuple_(*last))
