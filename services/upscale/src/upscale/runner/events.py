"""What happens to a runner, in lines of JSON: for a program that shows it in its own way, such as a notebook."""

import json
import sys
import time
from typing import TextIO

from typing_extensions import override

from upscale.runner.display import Display

__all__ = ["Events"]

_PAUSE_S = 0.2


class Events(Display):
    """Speaks as the display does, and tells as little: never an address, a token or a secret."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        super().__init__(out)
        self._told_at = 0.0

    @override
    def say(self, text: str) -> None:
        self._tell(say=text)

    @override
    def another(self) -> None:
        self._told_at = 0.0

    @override
    def progress(self, what: str, done: int, frames: int, *, per_s: float) -> None:
        now = time.monotonic()
        if now - self._told_at >= _PAUSE_S or done >= frames:
            self._told_at = now
            self._tell(what=what, done=done, frames=frames, per_s=round(per_s, 2))

    @override
    def idle(self, text: str) -> None:
        self._tell(idle=text)

    def _tell(self, **words: object) -> None:
        self._out.write(json.dumps(words, ensure_ascii=False) + "\n")
        self._out.flush()
