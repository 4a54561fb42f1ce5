"""Facts over Redis Streams: handled once, retried with patience, and never lost."""

from chassis.bus._bus import Bus
from chassis.bus._dead_letters import DeadLetter, DeadLetters

__all__ = ["Bus", "DeadLetter", "DeadLetters"]
