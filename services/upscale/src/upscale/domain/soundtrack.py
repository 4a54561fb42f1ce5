"""Which sound belongs to a stretch of film, and where it goes. Times are seconds from the stretch's first frame."""

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["COPIED_INTO_MP4", "LEAD_IN_S", "Window"]

COPIED_INTO_MP4 = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
"""Codecs that MP4 holds and players of MP4 play: their packets are copied as they are. Others become AAC."""
LEAD_IN_S = Fraction(1, 10)
"""Sound copied from before the stretch, hidden by the edit list: a decoder needs packets before the first one heard
(AAC and MP3 one frame, Opus 80 ms by RFC 7845, 4.6)."""


@dataclass(frozen=True)
class Window:
    """The stretch of the original, in seconds of its container."""

    start: Fraction
    """When its first frame is shown."""
    end: Fraction | None
    """When its last frame ends; None when it goes on to the end of the film, whose sound may outlast its picture."""
    from_the_start: bool
    """Whether it begins with the film's first frame: then sound from before the picture is kept, hidden likewise."""
    lead_in: Fraction = LEAD_IN_S
    """Of the sound before it, what is kept: nothing where the container has no edit list to hide it by."""

    def wants(self, start: Fraction, duration: Fraction) -> bool:
        """Whether a packet is needed."""
        if self.end is not None and start >= self.end:
            return False
        return self.from_the_start or start + duration > self.start - self.lead_in

    def heard(self, start: Fraction, duration: Fraction) -> tuple[Fraction, Fraction]:
        """What is heard of a packet, from the first frame on: its start and its end (equal or less: nothing)."""
        last = start + duration if self.end is None else min(start + duration, self.end)
        return max(Fraction(0), start - self.start), last - self.start
