"""Webhooks in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import TENANT, webhook_lanes, webhooks
from gateway.domain.webhooks import SigningKey, Webhook

__all__ = ["PostgresWebhooks"]

_KEYS = TypeAdapter(tuple[SigningKey, ...])


class PostgresWebhooks:
    """Webhooks of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, webhook: Webhook) -> None:
        """Record a webhook."""
        row = insert(webhooks).values(id=webhook.id, created_at=webhook.created_at, **_values(webhook))
        await self._connection.execute(row)
        await self._connection.execute(insert(webhook_lanes).values(webhook_id=webhook.id))

    async def same(self, url: str, events: Sequence[str]) -> Webhook | None:
        """The webhook of exactly this address and these events."""
        query = select(webhooks).where(webhooks.c.url == url, webhooks.c.events == sorted(events))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _webhook(row)

    async def count(self) -> int:
        """How many there are. Whoever else counts waits until this transaction has ended."""
        name = func.concat("gateway/webhooks/", TENANT)
        await self._connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        return int(await self._connection.scalar(select(func.count()).select_from(webhooks)) or 0)

    async def get(self, webhook_id: UUID, *, lock: bool = False) -> Webhook | None:
        """One webhook; locked, nobody else changes it before this transaction ends."""
        query = select(webhooks).where(webhooks.c.id == webhook_id)
        # key_share: new deliveries, which only refer to the row, need not wait.
        found = await self._connection.execute(query.with_for_update(key_share=True) if lock else query)
        row = found.mappings().one_or_none()
        return None if row is None else _webhook(row)

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Webhook]:
        """The newest webhooks, older than the one named ``before``."""
        query = select(webhooks).order_by(webhooks.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(webhooks.c.id < before)
        return [_webhook(row) for row in (await self._connection.execute(query)).mappings()]

    async def wanting(self, event_type: str) -> Sequence[UUID]:
        """Enabled webhooks that want to hear of this."""
        wants = webhooks.c.events.contains([event_type])
        query = select(webhooks.c.id).where(webhooks.c.enabled, wants).order_by(webhooks.c.id)
        return list((await self._connection.execute(query)).scalars())

    async def save(self, webhook: Webhook) -> None:
        """Overwrite what may change of a webhook."""
        await self._connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(_values(webhook)))

    async def remove(self, webhook_id: UUID) -> bool:
        """Forget a webhook with all its deliveries; False if there is none such."""
        gone = await self._connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))
        return gone.rowcount == 1


def _values(webhook: Webhook) -> dict[str, Any]:
    return {
        "url": webhook.url,
        "events": sorted(webhook.events),
        "description": webhook.description,
        "enabled": webhook.enabled,
        "disabled_reason": webhook.disabled_reason,
        "failing_since": webhook.failing_since,
        "keys": _KEYS.dump_python(webhook.keys, mode="json"),
    }


def _webhook(row: Mapping[Any, Any]) -> Webhook:
    values = {name: value for name, value in row.items() if name != "tenant_id"}
    keys, events = _KEYS.validate_python(values.pop("keys")), tuple(values.pop("events"))
    return Webhook(**values, keys=keys, events=events)
