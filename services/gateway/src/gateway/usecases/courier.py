"""The courier: carries what is due to whom it is due, again and again until it arrives or nothing helps.

Every replica has one. What is due is a row, and a row is leased: a replica that dies with a message in its hands loses
the lease and another one carries it, so a message may arrive twice and none is lost. No transaction is open while a
receiver is waited for.
"""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from chassis.database import Database, UnitOfWork
from chassis.telemetry import bound, get_logger
from gateway.domain.notices import disabled_notice
from gateway.domain.webhooks import Delivery, Disable, Done, Outcome, Retry, Verdict, Webhook, judge
from gateway.ports import Records, RecordsOn
from gateway.ports.webhooks import Claim, DeliveryQueue, Messenger
from gateway.usecases.notify import Notify

__all__ = ["Courier", "CourierTerms"]

_log = get_logger(__name__)
_TRANSACTIONS = 3
"""At once: the pool of connections is for people first."""
_LAST_WORDS_S = 3.0


@dataclass(frozen=True, slots=True)
class CourierTerms:
    """How much is carried at once, and for how long a webhook may fail."""

    slots: int
    """Messages on their way at once, in this replica."""
    per_webhook: int
    """Messages on their way at once to one webhook, over all replicas."""
    lease_s: float
    poll_s: float
    disable_after: timedelta


class Courier:
    """Looks for what is due and carries it, as long as the service lives."""

    def __init__(
        self,
        database: Database,
        records_on: RecordsOn,
        queue: DeliveryQueue,
        messenger: Messenger,
        notify: Notify,
        terms: CourierTerms,
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._queue = queue
        self._messenger = messenger
        self._notify = notify
        self._terms = terms
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._transactions = asyncio.Semaphore(_TRANSACTIONS)

    async def run(self) -> None:
        """Carry until cancelled; then give back what is on its way."""
        try:
            while True:
                try:
                    took = await self.round()
                except Exception as error:  # noqa: BLE001 (what is away now is there at the next round)
                    _log.warning("webhooks wait", error=repr(error))
                    took = 0
                if took == 0:
                    await self._pause()
        finally:
            await self._give_back()

    async def round(self) -> int:
        """Take what is due and there is room for, and set out with it; returns how many."""
        room = self._terms.slots - len(self._running)
        if room <= 0:
            return 0
        async with self._transactions, self._database.begin_untenanted() as connection:
            claims = await self._queue.claim(
                connection, room=room, per_webhook=self._terms.per_webhook, lease_s=self._terms.lease_s
            )
        for claim in claims:
            task = asyncio.create_task(self._carry(claim))
            self._running[task] = claim
            task.add_done_callback(self._running.pop)
        return len(claims)

    async def settled(self) -> None:
        """Return once nothing is on its way; for tests."""
        while self._running:
            await asyncio.wait(list(self._running))

    async def _pause(self) -> None:
        """Wait until there may be something to do: a place became free, or some time has passed."""
        if not self._running:
            await asyncio.sleep(self._terms.poll_s)
            return
        await asyncio.wait(list(self._running), timeout=self._terms.poll_s, return_when=asyncio.FIRST_COMPLETED)

    async def _give_back(self) -> None:
        claims = list(self._running.values())
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if claims:
            with suppress(Exception):  # else their leases run out
                async with asyncio.timeout(_LAST_WORDS_S), self._database.begin_untenanted() as connection:
                    await self._queue.release(connection, claims)

    async def _carry(self, claim: Claim) -> None:
        with bound(webhook=claim.webhook_id, delivery=claim.delivery_id, tenant=claim.tenant_id):
            try:
                await self._try(claim)
            except Exception:  # noqa: BLE001 (the boundary: one message must not end the others; its lease runs out)
                _log.exception("a message could not be carried; it will be tried again when its lease has run out")

    async def _try(self, claim: Claim) -> None:
        async with self._transactions, self._database.read(claim.tenant_id) as connection:
            records = self._records_on(connection)
            webhook = await records.webhooks.get(claim.webhook_id)
            delivery = await records.deliveries.get(claim.webhook_id, claim.delivery_id)
        if webhook is None or delivery is None:
            return  # removed meanwhile
        now = datetime.now(UTC)
        outcome = None
        if webhook.enabled:
            outcome = await self._messenger(webhook, delivery, now=now)
        async with self._transactions, self._database.begin(claim.tenant_id) as work:
            await self._record(work, claim, replace(delivery, attempted_at=now), outcome)

    async def _record(self, work: UnitOfWork, claim: Claim, delivery: Delivery, outcome: Outcome | None) -> None:
        """Write down how it went. Webhooks are locked before deliveries: the order everybody locks in."""
        records = self._records_on(work.connection)
        webhook = await records.webhooks.get(claim.webhook_id, lock=True)
        if webhook is None:
            return
        if outcome is None or not webhook.enabled:
            over = replace(delivery, state="failed", error="the webhook was disabled", next_attempt_at=None)
            await records.deliveries.settle(claim, over)
            return
        now = datetime.now(UTC)
        attempt = delivery.attempts + 1
        verdict = judge(
            outcome,
            attempt=attempt,
            failing_for=now - (webhook.failing_since or now),
            disable_after=self._terms.disable_after,
            chance=random.random(),
        )
        tried = replace(delivery, attempts=attempt, status=outcome.status, error=outcome.error, seconds=outcome.seconds)
        if await records.deliveries.settle(claim, _after(tried, verdict, now)):
            await self._judge_webhook(work, records, webhook, verdict, now)

    async def _judge_webhook(
        self, work: UnitOfWork, records: Records, webhook: Webhook, verdict: Verdict, now: datetime
    ) -> None:
        """What a try says about the webhook as a whole."""
        if isinstance(verdict, Done):
            if webhook.failing_since is not None:
                await records.webhooks.save(replace(webhook, failing_since=None))
                await records.deliveries.slow_down(webhook.id, failing=False, pause_s=None)
            return
        if isinstance(verdict, Disable):
            off = replace(webhook, enabled=False, disabled_reason=verdict.reason)
            await records.webhooks.save(off)
            await records.deliveries.end_pending(webhook.id, f"the webhook was disabled: {verdict.reason}")
            await self._notify(work, [disabled_notice(webhook.id, verdict.reason)])
            _log.warning("a webhook was disabled", reason=verdict.reason)
            return
        pause_s = verdict.pause_s if isinstance(verdict, Retry) else None
        if webhook.failing_since is None:
            await records.webhooks.save(replace(webhook, failing_since=now))
        if webhook.failing_since is None or pause_s is not None:
            await records.deliveries.slow_down(webhook.id, failing=True, pause_s=pause_s)


def _after(delivery: Delivery, verdict: Verdict, now: datetime) -> Delivery:
    if isinstance(verdict, Done):
        return replace(delivery, state="delivered", error=None, next_attempt_at=None)
    if isinstance(verdict, Retry):
        return replace(delivery, next_attempt_at=now + timedelta(seconds=verdict.after_s))
    return replace(delivery, state="failed", next_attempt_at=None)
