"""Webhooks: registered, changed, rotated, tried out, and asked to be told again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.database import Database, UnitOfWork
from contracts import uuid7
from gateway.domain.access import Caller
from gateway.domain.destinations import ForbiddenDestination
from gateway.domain.notices import ping_notice
from gateway.domain.refusals import InvalidRequest, NotFound, TooManyWebhooks, WebhookOff
from gateway.domain.webhooks import Delivery, DeliveryState, Webhook
from gateway.ports import RecordsOn
from gateway.ports.webhooks import Destinations, Keys

__all__ = ["WebhookOrder", "Webhooks"]


@dataclass(frozen=True, slots=True)
class WebhookOrder:
    """What somebody registers or changes; what is None stays as it is."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    description: str | None = None
    enabled: bool | None = None


class Webhooks:
    """What a tenant's people do with webhooks."""

    def __init__(
        self, database: Database, records_on: RecordsOn, destinations: Destinations, keys: Keys, *, most: int
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._destinations = destinations
        self._keys = keys
        self._most = most

    async def require_reachable(self, url: str | None) -> None:
        """Raise InvalidRequest for an address we would not send to. It asks the network: call it before the commit."""
        if url is None:
            return
        try:
            await self._destinations.require(url)
        except ForbiddenDestination as forbidden:
            raise InvalidRequest(str(forbidden), field="url") from None

    async def register(self, work: UnitOfWork, order: WebhookOrder) -> tuple[Webhook, str | None]:
        """A webhook of this address and these events, and its secret if it is new. Raises TooManyWebhooks."""
        webhooks = self._records_on(work.connection).webhooks
        events = tuple(sorted(set(order.events or ())))
        count = await webhooks.count()
        known = await webhooks.same(order.url or "", events)
        if known is not None:
            return known, None
        if count >= self._most:
            raise TooManyWebhooks(f"there are {count} webhooks and {self._most} may be: remove one first")
        webhook = Webhook(
            id=uuid7(),
            url=order.url or "",
            events=events,
            keys=(self._keys.new(),),
            created_at=datetime.now(UTC),
            description=order.description,
        )
        await webhooks.add(webhook)
        return webhook, self._secret_of(webhook)

    async def get(self, caller: Caller, webhook_id: UUID) -> Webhook:
        """One webhook. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            return _found(await self._records_on(connection).webhooks.get(webhook_id))

    async def page(self, caller: Caller, *, before: UUID | None, limit: int) -> Sequence[Webhook]:
        """The newest webhooks, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).webhooks.page(before=before, limit=limit)

    async def change(
        self, caller: Caller, webhook_id: UUID, order: WebhookOrder, *, unless: Callable[[Webhook], None]
    ) -> Webhook:
        """Change what is given; ``unless`` may object to what it finds. Raises NotFound, InvalidRequest.

        Disabling gives up what waits for it. What was given up can be replayed once it is enabled again.
        """
        async with self._database.begin(caller.tenant_id) as work:
            records = self._records_on(work.connection)
            webhook = _found(await records.webhooks.get(webhook_id, lock=True))
            unless(webhook)
            changed = webhook.changed(
                url=order.url, events=order.events, description=order.description, enabled=order.enabled
            )
            await records.webhooks.count()  # nobody registers the same one meanwhile
            twin = await records.webhooks.same(changed.url, changed.events)
            if twin is not None and twin.id != webhook.id:
                raise InvalidRequest(f"the webhook {twin.id} has this address and these events", field="events")
            await records.webhooks.save(changed)
            if webhook.enabled and not changed.enabled:
                await records.deliveries.end_pending(webhook.id, "the webhook was switched off")
            if changed.failing_since != webhook.failing_since:
                await records.deliveries.slow_down(webhook.id, failing=False, pause_s=None)
            return changed

    async def remove(self, caller: Caller, webhook_id: UUID, *, unless: Callable[[Webhook], None]) -> None:
        """Forget a webhook and all it was sent; ``unless`` may object to what it finds. Raises NotFound."""
        async with self._database.begin(caller.tenant_id) as work:
            webhooks = self._records_on(work.connection).webhooks
            unless(_found(await webhooks.get(webhook_id, lock=True)))
            await webhooks.remove(webhook_id)

    async def rotate(self, work: UnitOfWork, webhook_id: UUID, *, overlap: timedelta) -> tuple[Webhook, str | None]:
        """Sign with a new key from now on, and with the old ones too for ``overlap``; its secret. Raises NotFound."""
        webhooks = self._records_on(work.connection).webhooks
        webhook = _found(await webhooks.get(webhook_id, lock=True))
        rotated = webhook.rotated(self._keys.new(), now=datetime.now(UTC), overlap=overlap)
        await webhooks.save(rotated)
        return rotated, self._secret_of(rotated)

    async def ping(self, work: UnitOfWork, webhook_id: UUID) -> Delivery:
        """Send a message that says nothing. Raises NotFound, WebhookOff."""
        records = self._records_on(work.connection)
        webhook = _enabled(await records.webhooks.get(webhook_id))
        (delivery,) = await records.deliveries.add([webhook.id], ping_notice(webhook.id), now=datetime.now(UTC))
        return delivery

    async def delivery(self, caller: Caller, webhook_id: UUID, delivery_id: UUID) -> Delivery:
        """One delivery. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            return _known(await self._records_on(connection).deliveries.get(webhook_id, delivery_id))

    async def deliveries(
        self, caller: Caller, webhook_id: UUID, *, state: DeliveryState | None, before: UUID | None, limit: int
    ) -> Sequence[Delivery]:
        """The newest deliveries of a webhook, older than the one named ``before``. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            records = self._records_on(connection)
            _found(await records.webhooks.get(webhook_id))
            return await records.deliveries.page(webhook_id, state=state, before=before, limit=limit)

    async def replay(self, work: UnitOfWork, webhook_id: UUID, delivery_id: UUID) -> Delivery:
        """Send a message again, whatever became of it. Raises NotFound, WebhookOff."""
        records = self._records_on(work.connection)
        _enabled(await records.webhooks.get(webhook_id, lock=True))
        await records.deliveries.replay(webhook_id, delivery_id)
        return _known(await records.deliveries.get(webhook_id, delivery_id))

    async def replay_failed(self, work: UnitOfWork, webhook_id: UUID, *, since: datetime) -> int:
        """Send again what failed since then; returns how many. Raises NotFound, WebhookOff."""
        records = self._records_on(work.connection)
        _enabled(await records.webhooks.get(webhook_id, lock=True))
        return await records.deliveries.replay_failed(webhook_id, since=since)

    def _secret_of(self, webhook: Webhook) -> str | None:
        key = self._keys.opened(webhook.keys[0])
        return None if key is None else key.secret


def _found(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise NotFound("there is no such webhook")
    return webhook


def _enabled(webhook: Webhook | None) -> Webhook:
    found = _found(webhook)
    if not found.enabled:
        raise WebhookOff(f"this webhook is disabled ({found.disabled_reason}): enable it first")
    return found


def _known(delivery: Delivery | None) -> Delivery:
    if delivery is None:
        raise NotFound("there is no such delivery")
    return delivery
