"""Facts over Redis Streams: handled once, retried with patience, and never lost."""

from chassis.bus._bus import Bus
from chassis.bus._dead_letters import DeadLetter, DeadLetters, LetterFilter

__all__ = ["Bus", "DeadLetter", "DeadLetters", "LetterFilter"]
