"""What every peer's two programs say on their standard output, for the bench to read."""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Order:
    """What one program is to do."""

    role: str
    url: str
    count: int
    gap_s: float


def order() -> Order:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["consume", "produce"])
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("gap_s", type=float)
    return Order(**vars(parser.parse_args()))


@dataclass
class Tally:
    """Counts what a consumer handled; the last one ends the process."""

    count: int
    waits_ms: list[float] = field(default_factory=list)

    def ready(self) -> None:
        """Say that messages may come."""
        say({"ready": True})

    def handled(self, sent_at: float) -> None:
        """One more, whose sending began at ``sent_at``."""
        self.waits_ms.append((time.time() - sent_at) * 1000)
        if len(self.waits_ms) == self.count:
            say({"last": time.time(), "waits_ms": self.waits_ms})
            os._exit(0)


def say(what: object) -> None:
    """One line of JSON; on the real standard output, which Celery would take for its log."""
    out = sys.__stdout__
    assert out is not None
    out.write(json.dumps(what) + "\n")
    out.flush()


def text() -> str:
    """What a message carries besides its time: about as much as one of our facts in its envelope."""
    return "x" * 400
