"""Whether a machine is dead, or we were too slow to hear it: nobody loses work to a stall of ours."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from upscale.ports.runners import Intervals

__all__ = ["Vigil"]


class Vigil:
    """What this process knows of its own slowness.

    A house that was away, or takes as long to answer as runners wait between two words, cannot tell who has fallen
    silent. For as long as a lease lives from then on it gives everybody two leases more to be heard: the dead are found
    all the same, only later. What two replicas know differs; the slower one hears less, and the other one more.
    """

    def __init__(self, intervals: Intervals, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._whole_s = intervals.lease_s + intervals.grace_s
        self._grace_s = intervals.grace_s
        self._late_s = intervals.lease_s / 2
        self._slow_s = intervals.lease_s / 3
        self._looked_at = float("-inf")
        self._slow_at = float("-inf")

    def look(self) -> None:
        """Somebody looks for the silent, as again and again; not for a while means that this process stood still."""
        now = self._clock()
        if now - self._looked_at > self._late_s:
            self._slow_at = now
        self._looked_at = now

    @contextmanager
    def answering(self) -> Iterator[None]:
        """A runner is answered meanwhile; one that waits for too long is late with its next word."""
        began = self._clock()
        try:
            yield
        finally:
            now = self._clock()
            if now - began > self._slow_s:
                self._slow_at = now

    @property
    def slow(self) -> bool:
        """Whether silence may be our own fault: it costs a chunk no try then."""
        return self._clock() - self._slow_at < self._whole_s

    @property
    def grace_s(self) -> float:
        """How long after its end a lease may still be prolonged."""
        return self._grace_s + (2 * self._whole_s if self.slow else 0.0)
