"""How long somebody who guesses passwords has to wait, and why that locks nobody out for ever.

Three counts are kept of attempts that were not successful:

- of one account from one address: a few guesses are free, then each doubles the wait;
- of one address over all accounts, for those who try one password on many;
- of one account over all addresses, for those who have many. This wait is short, and addresses from which the account
  was signed in before are exempt: whoever attacks an account delays its owner by a minute at most, and only where the
  owner has never been.

An attempt during a wait is not looked at and does not lengthen it. An attempt is counted before its password is
checked, so that a thousand at once are not a thousand guesses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

__all__ = ["ACCOUNT", "ADDRESS", "MEMORY", "PAIR", "Patience", "Tally", "counted", "longest_wait_s", "uncounted"]

MEMORY = timedelta(hours=1)
"""After so long without a failure, counting begins anew."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Failures of one subject."""

    failures: int
    blocked_until: datetime | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Patience:
    """How many failures are free, and how the wait grows after them."""

    free: int
    longest_s: float

    def wait_s(self, failures: int) -> float:
        """Seconds to wait after so many failures: 1, 2, 4 … up to the longest."""
        beyond = failures - self.free
        return 0.0 if beyond < 0 else min(self.longest_s, 2.0 ** min(beyond, 60))


PAIR = Patience(free=5, longest_s=900)
ADDRESS = Patience(free=30, longest_s=900)
ACCOUNT = Patience(free=30, longest_s=60)
_UNBELIEVABLE_S = 2 * max(PAIR.longest_s, ADDRESS.longest_s, ACCOUNT.longest_s)
"""The clocks of two replicas may be apart, but not by as much as the longest wait."""


def longest_wait_s(tallies: Mapping[str, Tally], now: datetime) -> float:
    """Seconds until none of these is blocked; 0 if none is. A wait too long to be one is a clock's that ran ahead."""
    waits = ((tally.blocked_until - now).total_seconds() for tally in tallies.values() if tally.blocked_until)
    return max((wait for wait in waits if wait <= _UNBELIEVABLE_S), default=0.0)


def counted(tally: Tally | None, patience: Patience, now: datetime) -> Tally:
    """One failure more."""
    before = tally.failures if tally and now - tally.changed_at < MEMORY else 0
    wait_s = patience.wait_s(before + 1)
    return Tally(before + 1, now + timedelta(seconds=wait_s) if wait_s else None, now)


def uncounted(tally: Tally) -> Tally:
    """One failure less, for an attempt that was counted beforehand and then was right."""
    return replace(tally, failures=max(0, tally.failures - 1), blocked_until=None)
