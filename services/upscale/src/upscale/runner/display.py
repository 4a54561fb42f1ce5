"""What a person sees of a runner: one line that moves on a terminal, plain lines elsewhere."""

import shutil
import sys
import time
from datetime import datetime
from typing import TextIO

__all__ = ["Display"]

_CELLS = "▏▎▍▌▋▊▉█"
_WIDTH = 24
_QUARTER = 0.25


class Display:
    """Says what happens; never an address, a token or a secret."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._live = out.isatty()
        self._shown = False
        self._quarter = -1
        self._drawn_at = 0.0

    def say(self, text: str) -> None:
        """A line that stays."""
        self._wipe()
        now = datetime.now().astimezone().strftime("%H:%M:%S")
        self._out.write(f"\x1b[2m{now}\x1b[0m  {text}\n" if self._live else f"{now}  {text}\n")
        self._out.flush()

    def another(self) -> None:
        """Another chunk."""
        self._quarter = -1

    def progress(self, what: str, done: int, frames: int, *, per_s: float) -> None:
        """How far a chunk is."""
        share = done / max(1, frames)
        numbers = f"{done:>{len(str(frames))}}/{frames} frames  {per_s:5.2f}/s"
        if not self._live:
            quarter = int(share / _QUARTER)
            if quarter != self._quarter:
                self._quarter = quarter
                self.say(f"{what}  {share:4.0%}  {numbers}")
            return
        now = time.monotonic()
        if now - self._drawn_at < 0.1 and done < frames:
            return
        self._drawn_at = now
        self._draw(f"{what}  \x1b[36m{_bar(share)}\x1b[0m {share:4.0%}  {numbers}", extra=9)

    def idle(self, text: str) -> None:
        """What is waited for; on a terminal alone, and gone with the next word."""
        if self._live:
            self._draw(f"\x1b[2m{text}\x1b[0m", extra=8)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._wipe()

    def _draw(self, line: str, *, extra: int) -> None:
        room = shutil.get_terminal_size().columns - 1 + extra
        self._out.write(f"\r\x1b[2K{line[:room]}\x1b[0m")
        self._out.flush()
        self._shown = True

    def _wipe(self) -> None:
        if self._shown:
            self._out.write("\r\x1b[2K")
            self._out.flush()
            self._shown = False


def _bar(share: float) -> str:
    eighths = round(min(1.0, max(0.0, share)) * _WIDTH * 8)
    full, part = divmod(eighths, 8)
    bar = "█" * full + (_CELLS[part - 1] if part else "")
    return bar.ljust(_WIDTH, "·")
