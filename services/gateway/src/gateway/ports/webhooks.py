"""What webhooks need from outside: rows, a queue over all tenants, keys, and somebody who carries a message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.notices import Notice
from gateway.domain.webhooks import Delivery, DeliveryState, Outcome, SigningKey, Webhook

__all__ = ["Claim", "Deliveries", "DeliveryQueue", "Destinations", "Keys", "Messenger", "Webhooks"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours to try, until its lease runs out."""

    delivery_id: UUID
    tenant_id: UUID
    webhook_id: UUID
    token: int


class Webhooks(Protocol):
    """Webhooks of one tenant."""

    async def add(self, webhook: Webhook) -> None:
        """Record a webhook."""

    async def same(self, url: str, events: Sequence[str]) -> Webhook | None:
        """The webhook of exactly this address and these events."""

    async def count(self) -> int:
        """How many there are. Whoever else counts waits until this transaction has ended."""

    async def get(self, webhook_id: UUID, *, lock: bool = False) -> Webhook | None:
        """One webhook; locked, nobody else changes it before this transaction ends."""

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Webhook]:
        """The newest webhooks, older than the one named ``before``."""

    async def wanting(self, event_type: str) -> Sequence[UUID]:
        """Enabled webhooks that want to hear of this."""

    async def save(self, webhook: Webhook) -> None:
        """Overwrite what may change of a webhook."""

    async def remove(self, webhook_id: UUID) -> bool:
        """Forget a webhook with all its deliveries; False if there is none such."""


class Deliveries(Protocol):
    """Deliveries of one tenant, and their places in the queue."""

    async def add(self, webhook_ids: Sequence[UUID], notice: Notice, *, now: datetime) -> Sequence[Delivery]:
        """Record one message for each of these webhooks, due at once."""

    async def get(self, webhook_id: UUID, delivery_id: UUID) -> Delivery | None:
        """One delivery."""

    async def page(
        self, webhook_id: UUID, *, state: DeliveryState | None, before: UUID | None, limit: int
    ) -> Sequence[Delivery]:
        """The newest deliveries of a webhook, older than the one named ``before``."""

    async def settle(self, claim: Claim, delivery: Delivery) -> bool:
        """Record how a try went, and when the next one is due if one is; False if the claim was not ours any more."""

    async def end_pending(self, webhook_id: UUID, error: str) -> int:
        """Give up all that waits for a webhook; returns how many."""

    async def replay(self, webhook_id: UUID, delivery_id: UUID) -> bool:
        """Make a delivery due at once, with all its tries; False if there is none such."""

    async def replay_failed(self, webhook_id: UUID, *, since: datetime) -> int:
        """Make every failed delivery recorded since then due at once; returns how many."""

    async def slow_down(self, webhook_id: UUID, *, failing: bool, pause_s: float | None) -> None:
        """Note whether a webhook fails, and send it nothing for a while."""

    async def erase(self, video_id: UUID) -> int:
        """Forget every message about a video, sent or not; returns how many there were."""

    async def forget_old(self, *, older_than_s: float, limit: int) -> int:
        """Forget deliveries that were over so long ago; returns how many."""


class DeliveryQueue(Protocol):
    """What is due, over all tenants."""

    async def claim(
        self, connection: AsyncConnection, *, room: int, per_webhook: int, lease_s: float
    ) -> Sequence[Claim]:
        """Take what is due: webhooks in turns, at most so many at once of each, those that fail after the others."""

    async def release(self, connection: AsyncConnection, claims: Sequence[Claim]) -> None:
        """Give back what was not tried."""


class Keys(Protocol):
    """Makes what webhooks sign with, and opens it again."""

    def new(self) -> SigningKey:
        """A new key, sealed."""

    def opened(self, key: SigningKey) -> SigningKey | None:
        """A key to sign with, or to show; None if it cannot be opened any more."""


class Messenger(Protocol):
    """Carries one message to one webhook, signed."""

    async def __call__(self, webhook: Webhook, delivery: Delivery, *, now: datetime) -> Outcome:
        """How it went; never raises for what the receiver does."""


class Destinations(Protocol):
    """Says which addresses we send to."""

    async def require(self, url: str) -> None:
        """Raise ForbiddenDestination for an address we would not connect to."""
