"""Transcripts and scripts cut into passages: what is found, shown and jumped to.

A passage is a few sentences, some 15 seconds: long enough that words which belong together are found together and that
the hit reads by itself, short enough that its start is where one wants to look. Each word keeps its own time, so a hit
says to the hundredth of a second where the word falls. Much shorter passages would be more rows for the same words,
and would part words that belong together.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contracts.documents import Transcript
from contracts.documents.transcript import Word
from gateway.domain.search.words import tokens_of

__all__ = ["Passage", "passages_of_script", "passages_of_transcript"]

_FEWEST, _MOST = 30, 60
"""Words: a passage ends with a sentence from the first on, and anywhere at the second."""
_LONGEST_TEXT = 2000
"""Characters: a passage ends here too, however few words it has; a page of hits shows a hundred."""
_LONGEST_S = 20.0
_SILENCE_S = 3.0
"""A pause over which no sentence goes on."""
_AHEAD = 8
"""Words of the next passage that a phrase may reach into."""
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’»)\]]*$")
_CUE = re.compile(r"^@?(?=.*[^\W\d_])[^a-z]{2,60}$|^[A-Z][^:.!?]{0,40}:$")
_HEADING = re.compile(r"^(\.(?!\.)|(INT|EXT|EST|I/E|INT\./EXT|INT/EXT)[. ])", re.IGNORECASE)
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0eff]")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document. Words are those of ``tokens_of(text)``, in that order."""

    text: str
    words: tuple[str, ...]
    ahead: tuple[str, ...] = ()
    """The first words of the next one: indexed here too, so that a phrase across the cut is found."""
    times: tuple[tuple[float, float], ...] = ()
    """Start and end of each word, in seconds; none in a script."""
    line: int | None = None
    """1-based line of the script where it begins."""
    speaker: str | None = None

    @property
    def start(self) -> float | None:
        """Seconds from the first frame."""
        return self.times[0][0] if self.times else None

    @property
    def end(self) -> float | None:
        """Seconds from the first frame."""
        return max(end for _, end in self.times) if self.times else None


def passages_of_transcript(transcript: Transcript) -> list[Passage]:
    """What was said, in passages with a time for each word."""
    stretches = _cut(transcript.words)
    passages = []
    for number, stretch in enumerate(stretches):
        following = stretches[number + 1] if number + 1 < len(stretches) else ()
        near = bool(following) and following[0].start - stretch[-1].end < _SILENCE_S
        passage = _spoken(stretch, following if near else ())
        if passage.words:
            passages.append(passage)
    return passages


def _cut(words: Sequence[Word]) -> list[tuple[Word, ...]]:
    cut: list[tuple[Word, ...]] = []
    begun: list[Word] = []
    for number, word in enumerate(words):
        begun.append(word)
        following = words[number + 1] if number + 1 < len(words) else None
        if following is None or _ends(begun, following):
            cut.append(tuple(begun))
            begun = []
    return cut


def _ends(begun: Sequence[Word], following: Word) -> bool:
    """Whether the passage ends before the following word."""
    last = begun[-1]
    if following.start - last.end >= _SILENCE_S or len(begun) >= _MOST:
        return True
    if following.end - begun[0].start > _LONGEST_S:
        return True
    return len(begun) >= _FEWEST and _SENTENCE_END.search(last.text.strip()) is not None


def _spoken(stretch: Sequence[Word], following: Sequence[Word]) -> Passage:
    text, ends = "", []
    for word in stretch:
        said = " ".join(word.text.split())
        text += said if not text or (_UNSPACED.match(said) and _UNSPACED.match(text[-1])) else f" {said}"
        ends.append(len(text))
    tokens, times, place = tokens_of(text), [], 0
    for token in tokens:
        while place + 1 < len(ends) and ends[place] <= token.offset:
            place += 1
        times.append((stretch[place].start, stretch[place].end))
    ahead = tokens_of(" ".join(word.text for word in following[:_AHEAD]))[:_AHEAD]
    return Passage(text, tuple(t.word for t in tokens), tuple(t.word for t in ahead), tuple(times))


def passages_of_script(text: str) -> list[Passage]:
    """What was written, by paragraphs, with who speaks where the page says so."""
    passages: list[Passage] = []
    for line, paragraph in _paragraphs(text):
        speaker = _speaker(paragraph)
        passages += [
            Passage(piece, tuple(token.word for token in tokens_of(piece)), line=at, speaker=speaker)
            for at, piece in _pieces(line, paragraph)
        ]
    return _with_ahead([passage for passage in passages if passage.words])


def _paragraphs(text: str) -> list[tuple[int, list[str]]]:
    found: list[tuple[int, list[str]]] = []
    open_ = False
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if not line.strip():
            open_ = False
        elif open_:
            found[-1][1].append(line.strip())
        else:
            found.append((number, [line.strip()]))
            open_ = True
    return found


def _speaker(paragraph: Sequence[str]) -> str | None:
    """Who speaks: a first line in capitals, or one that ends with a colon, before other lines."""
    cue = paragraph[0]
    if len(paragraph) < 2 or _HEADING.match(cue) or not _CUE.match(cue):
        return None
    name = re.sub(r"\s*\([^)]*\)", "", cue).lstrip("@").rstrip("^: ").strip()
    return name or None


def _pieces(line: int, paragraph: Sequence[str]) -> list[tuple[int, str]]:
    """A paragraph, or the parts of one that is too long, each with the line it begins in."""
    short = [(at, part) for at, written in enumerate(paragraph, start=line) for part in _parts(written)]
    pieces: list[tuple[int, str]] = []
    begun, first, words, length = list[str](), line, 0, 0
    for at, part in short:
        count = len(tokens_of(part))
        full = words + count > _MOST or length + len(part) > _LONGEST_TEXT
        if begun and (full or (words >= _FEWEST and _SENTENCE_END.search(begun[-1]))):
            pieces.append((first, "\n".join(begun)))
            begun, words, length = [], 0, 0
        if not begun:
            first = at
        begun.append(part)
        words, length = words + count, length + len(part) + 1
    return [*pieces, (first, "\n".join(begun))]


def _parts(written: str) -> list[str]:
    """A line; an endless one comes apart at its sentences, or anywhere."""
    parts, start, count = list[str](), 0, 0
    for token in tokens_of(written):
        count += 1
        if count > _MOST or (count > _FEWEST and _SENTENCE_END.search(written[start : token.offset].rstrip())):
            parts.append(written[start : token.offset].strip())
            start, count = token.offset, 1
    return [piece for part in (*parts, written[start:].strip()) for piece in _short(part)]


def _short(part: str) -> Iterator[str]:
    """A part, or pieces of one whose words are few and endless, or whose text holds hardly any."""
    start = 0
    while len(part) - start > _LONGEST_TEXT:
        space = part.rfind(" ", start + 1, start + _LONGEST_TEXT)
        end = start + _LONGEST_TEXT if space < 0 else space
        yield part[start:end]
        start = end
    yield part[start:]


def _with_ahead(passages: Sequence[Passage]) -> list[Passage]:
    following = [*(passage.words[:_AHEAD] for passage in passages), ()][1:]
    return [
        Passage(one.text, one.words, ahead, one.times, one.line, one.speaker)
        for one, ahead in zip(passages, following, strict=True)
    ]
