"""Captions of the chosen takes: SubRip and WebVTT."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from align.domain.tokens import joint
from contracts.documents import Ledger, LedgerLine, LineStatus, Take, TakeWord

__all__ = ["Caption", "captions_of", "clock", "srt", "vtt"]

_WIDEST = 42
"""Characters in a row, and two rows a caption: what the guides of broadcasters and streaming services agree on."""
_LONGEST_S = 7.0
_SHORTEST_S = 0.4
_BREAKS = (".", "?", "!", ";", ":", ",", "—", "…")


@dataclass(frozen=True)
class Caption:
    """A few words on screen, from ``start`` to ``end`` in seconds."""

    line_id: str
    speaker: str | None
    words: tuple[TakeWord, ...]
    start: float
    end: float

    @property
    def rows(self) -> list[str]:
        """The text in rows of bearable width."""
        rows: list[str] = []
        for word, row in zip(self.words, self.row_numbers, strict=True):
            if row == len(rows):
                rows.append(word.text)
            else:
                rows[-1] += joint(rows[-1], word.text) + word.text
        return rows

    @property
    def row_numbers(self) -> list[int]:
        """The row each word stands in."""
        numbers: list[int] = []
        width, before = 0, ""
        for word in self.words:
            fits = bool(numbers) and width + 1 + len(word.text) <= _WIDEST
            width = width + len(joint(before, word.text) + word.text) if fits else len(word.text)
            numbers.append(numbers[-1] + (not fits) if numbers else 0)
            before = word.text
        return numbers


def captions_of(ledger: Ledger) -> list[Caption]:
    """What is said in the script's words, or the speaker's own where they differ, in the order of the film."""
    found = []
    for line in ledger.lines:
        take = next((one for one in line.takes if one.chosen), None)
        if take is not None and take.words:
            found += [_caption(line, words) for words in _parts(_whole_words(line, take))]
    found.sort(key=lambda caption: caption.start)
    return [_until(caption, after) for caption, after in zip_longest(found, found[1:])]


def _whole_words(line: LedgerLine, take: Take) -> list[TakeWord]:
    """The take's words; unheard words of a complete literal take are the author's and belong on screen."""
    written = line.text.split()
    known = [word.text for word in take.words]
    if not take.complete or line.status is LineStatus.PARAPHRASED or known == written or len(known) > len(written):
        return list(take.words)
    shown: list[TakeWord] = []
    waiting = list(take.words)
    for text in written:
        if waiting and waiting[0].text == text:
            shown.append(waiting.pop(0))
        elif shown:
            shown[-1] = shown[-1].model_copy(update={"text": f"{shown[-1].text} {text}"})
    return shown if not waiting and shown else list(take.words)


def _parts(words: Sequence[TakeWord]) -> list[tuple[TakeWord, ...]]:
    parts: list[list[TakeWord]] = [[]]
    for word in words:
        current = parts[-1]
        size = sum(len(one.text) + 1 for one in current) + len(word.text)
        full = size > 2 * _WIDEST - 4 or (current and word.end - current[0].start > _LONGEST_S)
        if current and full:
            cut = next((at for at in range(len(current), len(current) // 2, -1) if _ends_clause(current[at - 1])), None)
            rest = current[cut:] if cut else []
            parts[-1] = current[: cut or len(current)]
            parts.append([*rest, word])
        else:
            current.append(word)
    return [tuple(part) for part in parts if part]


def _ends_clause(word: TakeWord) -> bool:
    return word.text.rstrip("\"'”’)").endswith(_BREAKS)


def _caption(line: LedgerLine, words: tuple[TakeWord, ...]) -> Caption:
    return Caption(line.line_id, line.speaker, words, words[0].start, words[-1].end)


def _until(caption: Caption, after: Caption | None) -> Caption:
    """Long enough to be read where there is room, and never into the next one."""
    end = max(caption.end, caption.start + _SHORTEST_S)
    if after is not None:
        end = min(end, max(after.start, caption.start + 0.001))
    return Caption(caption.line_id, caption.speaker, caption.words, caption.start, end)


def srt(captions: Sequence[Caption]) -> str:
    """SubRip text."""
    blocks = []
    for number, caption in enumerate(captions, 1):
        text = "\n".join(caption.rows).replace("-->", "→")
        blocks.append(f"{number}\n{clock(caption.start, ',')} --> {clock(caption.end, ',')}\n{text}\n")
    return "\n".join(blocks)


def vtt(captions: Sequence[Caption]) -> str:
    """WebVTT with the time of every word, the speaker as its voice, and line ids in the cue ids."""
    blocks = ["WEBVTT\n"]
    for number, caption in enumerate(captions, 1):
        text = _timed_text(caption)
        if caption.speaker:
            text = f"<v {_escaped(caption.speaker)}>{text}"
        times = f"{clock(caption.start, '.')} --> {clock(caption.end, '.')}"
        blocks.append(f"{number}-{caption.line_id}\n{times}\n{text}\n")
    return "\n".join(blocks)


def _timed_text(caption: Caption) -> str:
    text = before = ""
    row = 0
    last = caption.start
    for word in caption.words:
        wraps = row and row + 1 + len(word.text) > _WIDEST
        row = len(word.text) if wraps or not row else row + 1 + len(word.text)
        # Stamps must rise and lie inside of the cue.
        stamp = f"<{clock(word.start, '.')}>" if last + 0.001 <= word.start < caption.end else ""
        last = word.start if stamp else last
        gap = "\n" if wraps else joint(before, word.text) if text else ""
        text += gap + stamp + _escaped(word.text)
        before = word.text
    return text


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clock(seconds: float, point: str) -> str:
    """``HH:MM:SS.mmm``, with ``point`` before the milliseconds."""
    whole = round(seconds * 1000)
    minutes, millis = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{millis // 1000:02d}{point}{millis % 1000:03d}"
