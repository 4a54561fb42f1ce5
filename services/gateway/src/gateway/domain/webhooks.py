"""Webhooks: who is told what, when it is tried again, and when we stop telling (https://www.standardwebhooks.com)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, Self
from uuid import UUID

__all__ = [
    "SCHEDULE_S",
    "Delivery",
    "DeliveryState",
    "Disable",
    "Done",
    "GiveUp",
    "Outcome",
    "Retry",
    "SigningKey",
    "Verdict",
    "Webhook",
    "judge",
]

SCHEDULE_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Waits between tries, as Standard Webhooks proposes: ten tries in 75 hours."""
_JITTER = 0.2
"""Waits are longer or shorter by up to this share, so that what failed together does not come again together."""
_LONGEST_PAUSE_S = 3600
"""The most a receiver may ask for by Retry-After."""
_GONE = 410
_PAUSES = frozenset({429, 503})

DeliveryState = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The two ways a webhook signs. Both go with every message; a receiver takes the one it likes.

    As it is kept, ``secret`` and ``private_key`` are sealed: whoever reads the database alone can sign nothing.
    """

    secret: str = field(repr=False)
    """``whsec_…``: shared with the receiver, for HMAC-SHA256."""
    private_key: str = field(repr=False)
    """``whsk_…``: ours alone, for ed25519."""
    public_key: str
    """``whpk_…``: for everybody who verifies."""
    expires_at: datetime | None = None
    """Set once another key has taken over: until then both sign."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that wants to hear of certain events."""

    id: UUID
    url: str
    events: tuple[str, ...]
    keys: tuple[SigningKey, ...]
    """The newest first."""
    created_at: datetime
    description: str | None = None
    enabled: bool = True
    disabled_reason: str | None = None
    failing_since: datetime | None = None
    """The first failure after the last success."""

    def rotated(self, key: SigningKey, *, now: datetime, overlap: timedelta) -> Self:
        """With a new key that signs from now on; the old ones sign along for ``overlap`` at most."""
        end = now + overlap
        old = (replace(key, expires_at=min(key.expires_at or end, end)) for key in self.live_keys(now))
        return replace(self, keys=(key, *(key for key in old if key.expires_at is None or key.expires_at > now)))

    def live_keys(self, now: datetime) -> tuple[SigningKey, ...]:
        """The keys that sign now."""
        return tuple(key for key in self.keys if key.expires_at is None or key.expires_at > now)

    def changed(
        self,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> Self:
        """With what was given; a webhook that is enabled again starts without a past."""
        after = replace(
            self,
            url=self.url if url is None else url,
            events=self.events if events is None else tuple(sorted(set(events))),
            description=self.description if description is None else description,
            enabled=self.enabled if enabled is None else enabled,
        )
        if after.enabled and not self.enabled:
            return replace(after, disabled_reason=None, failing_since=None)
        if self.enabled and not after.enabled:
            return replace(after, disabled_reason="switched off")
        return after


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one webhook, and how it went."""

    id: UUID
    webhook_id: UUID
    event_id: UUID
    """The same for all webhooks that hear of one event, and for every try: receivers know a repetition by it."""
    type: str
    body: str
    """The message as it is sent, to the byte."""
    created_at: datetime
    video_id: UUID | None = None
    state: DeliveryState = "pending"
    attempts: int = 0
    status: int | None = None
    """What the receiver last answered."""
    error: str | None = None
    seconds: float | None = None
    attempted_at: datetime | None = None
    next_attempt_at: datetime | None = None

    @property
    def message_id(self) -> str:
        """The header ``webhook-id``."""
        return f"msg_{self.event_id.hex}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try went."""

    status: int | None
    """None if no answer came."""
    error: str | None = None
    retry_after_s: float | None = None
    seconds: float = 0.0

    @property
    def delivered(self) -> bool:
        """Only 2xx is a success; a redirect is not followed and thus none."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Done:
    """It arrived."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again in so many seconds; ``pause_s``: and send this webhook nothing else for so long."""

    after_s: float
    pause_s: float | None = None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No try is left."""


@dataclass(frozen=True, slots=True)
class Disable:
    """Send this webhook nothing any more."""

    reason: str


Verdict = Done | Retry | GiveUp | Disable


def judge(
    outcome: Outcome,
    *,
    attempt: int,
    failing_for: timedelta,
    disable_after: timedelta,
    chance: float,
) -> Verdict:
    """What becomes of a message after its ``attempt``-th try. ``chance``, from 0 to 1, is the jitter.

    ``failing_for`` is how long everything sent to this webhook has failed: after ``disable_after`` it is disabled.
    """
    if outcome.delivered:
        return Done()
    if outcome.status == _GONE:
        return Disable("it answered 410 Gone")
    if failing_for >= disable_after:
        return Disable(f"nothing has arrived for {failing_for.total_seconds() / 3600:.0f} hours")
    if attempt > len(SCHEDULE_S):
        return GiveUp()
    wait_s = SCHEDULE_S[attempt - 1] * (1 + _JITTER * (2 * chance - 1))
    if outcome.status in _PAUSES and outcome.retry_after_s is not None:
        pause_s = min(max(0.0, outcome.retry_after_s), _LONGEST_PAUSE_S)
        return Retry(max(wait_s, pause_s), pause_s=pause_s)
    return Retry(wait_s)
