"""Numbers and changes in words."""

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from contracts.documents import Ledger, LineStatus

__all__ = ["STATUS_MEANING", "Piece", "clock", "count", "differences", "status_counts"]

STATUS_MEANING = {
    LineStatus.SPOKEN: "said as written",
    LineStatus.REPEATED: "said completely more than once",
    LineStatus.MOVED: "said out of the script's order",
    LineStatus.PARAPHRASED: "said in other words",
    LineStatus.PARTIAL: "said in part",
    LineStatus.OMITTED: "never said",
}
"""Every status, best first."""


@dataclass(frozen=True)
class Piece:
    """Some words of a comparison: in both, only on the page, or only in the film."""

    kind: Literal["same", "unsaid", "added"]
    text: str


def clock(seconds: float, *, tenths: bool = True) -> str:
    """``0:03.4``, ``1:02:03.4``."""
    whole = round(seconds, 1) if tenths else round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(int(minutes), 60)
    end = f"{rest:04.1f}" if tenths else f"{int(rest):02}"
    return f"{hours}:{minutes:02}:{end}" if hours else f"{minutes}:{end}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 scene``, ``12 scenes``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}".replace(",", " ")


def status_counts(ledger: Ledger) -> list[tuple[LineStatus, int]]:
    """How many lines have each status, best first; statuses nobody has are left out."""
    counted = Counter(line.status for line in ledger.lines if line.status)
    return [(status, counted[status]) for status in STATUS_MEANING if counted[status]]


def differences(written: str, heard: str) -> list[Piece]:
    """What is on the page and what was said, as one text. Case and punctuation do not count."""
    page, film = written.split(), heard.split()
    matcher = difflib.SequenceMatcher(None, _plain(page), _plain(film), autojunk=False)
    pieces = []
    for change, page_from, page_to, film_from, film_to in matcher.get_opcodes():
        if change == "equal":
            pieces.append(Piece("same", " ".join(page[page_from:page_to])))
            continue
        if page_to > page_from:
            pieces.append(Piece("unsaid", " ".join(page[page_from:page_to])))
        if film_to > film_from:
            pieces.append(Piece("added", " ".join(film[film_from:film_to])))
    return pieces


def _plain(words: Sequence[str]) -> list[str]:
    return [re.sub(r"[^\w']", "", word).casefold() for word in words]
