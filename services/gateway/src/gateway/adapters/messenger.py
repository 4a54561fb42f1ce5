"""Carrying a message: signed, through the guard, with every limit on what the receiver may do to us."""

import time
from datetime import datetime
from email.utils import parsedate_to_datetime

from prometheus_client import Histogram

from gateway.adapters.outbound import Outbound, Unreached
from gateway.adapters.signatures import SealedKeys, signed_headers
from gateway.domain.destinations import ForbiddenDestination, destination_of
from gateway.domain.webhooks import Delivery, Outcome, Webhook

__all__ = ["WEBHOOK_SECONDS", "GuardedDestinations", "SigningMessenger", "retry_after_s"]

_MOST_BYTES = 4096
"""Nobody reads the answer; this much of it is taken so that the receiver may end in peace."""

WEBHOOK_SECONDS = Histogram(
    "gateway_webhook_attempt_seconds", "Time one try to deliver a webhook took, name resolution to answer.", ["outcome"]
)


class SigningMessenger:
    """Sends by HTTP POST. ``timeout_s`` is for one whole try."""

    def __init__(self, outbound: Outbound, keys: SealedKeys, *, timeout_s: float) -> None:
        self._outbound = outbound
        self._keys = keys
        self._timeout_s = timeout_s

    async def __call__(self, webhook: Webhook, delivery: Delivery, *, now: datetime) -> Outcome:
        """How it went; never raises for what the receiver does."""
        started = time.monotonic()
        outcome = await self._try(webhook, delivery, now)
        seconds = time.monotonic() - started
        kind = "delivered" if outcome.delivered else "unreached" if outcome.status is None else "refused"
        WEBHOOK_SECONDS.labels(kind).observe(seconds)
        return Outcome(outcome.status, outcome.error, outcome.retry_after_s, round(seconds, 3))

    async def _try(self, webhook: Webhook, delivery: Delivery, now: datetime) -> Outcome:
        body = delivery.body
        keys = [key for sealed in webhook.live_keys(now) if (key := self._keys.opened(sealed)) is not None]
        if not keys:
            return Outcome(None, "the operator's secret has changed and the keys of this webhook are lost: rotate them")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Matchcut-Webhooks/1",
            **signed_headers(delivery.message_id, body, keys, now=now),
        }
        try:
            answer = await self._outbound.send(
                "POST",
                destination_of(webhook.url),
                headers=headers,
                content=body.encode(),
                timeout_s=self._timeout_s,
                most_bytes=_MOST_BYTES,
            )
        except ForbiddenDestination as forbidden:
            # Tried again like any other fault: a name may lead elsewhere tomorrow, and the operator may allow it.
            return Outcome(None, str(forbidden))
        except Unreached as fault:
            return Outcome(None, str(fault))
        if 300 <= answer.status < 400:
            return Outcome(answer.status, "redirects are not followed: register the address it leads to")
        error = None if answer.status < 300 else f"it answered {answer.status}"
        return Outcome(answer.status, error, retry_after_s(answer.headers.get("retry-after"), now=now))


class GuardedDestinations:
    """Says at once what would fail later."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def require(self, url: str) -> None:
        """Raise ForbiddenDestination for an address we would not connect to."""
        await self._outbound.check(destination_of(url))


def retry_after_s(header: str | None, *, now: datetime) -> float | None:
    """Seconds that a Retry-After asks for (RFC 9110, section 10.2.3), by number or by date; None for nonsense."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):  # the last for years and time zones beyond all bounds
        return None
