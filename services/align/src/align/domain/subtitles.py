"""Subtitles as a script (SubRip, WebVTT): cues joined into the sentences they were cut from."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from align.domain.plain_text import lines_of_speech
from align.domain.script import SAVE_AS, Script, ScriptLine, UnreadableScript, numbered
from align.domain.speakers import speakers_in

__all__ = ["looks_like_subtitles", "parse_subtitles"]

_STAMP = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})"
_TIMES = re.compile(rf"\s*{_STAMP}\s*-->\s*{_STAMP}(?:\s.*)?$")
_NUMBER = re.compile(r"\d{1,9}")
_VOICE = re.compile(r"<v(?:\.[^<>\s]{0,80})?\s+([^<>]{1,120})>")
_TAG = re.compile(r"<[^<>]{0,200}>|\{\\[^{}]{0,200}\}")
_SENTENCE_END = re.compile(r"[.!?…。！？♪][\"'”’»)\]]*$")
_DASH = re.compile(r"^[-–—‐]\s*(?=\S)")
_NAMED = re.compile(r"^(?:[^\W\d_][\w .'’\-]{0,30}):(?:\s|$)")
_ASIDE_AT_END = re.compile(r"(?:\s*(?:\([^()]{0,200}\)|\[[^\[\]]{0,200}\]))+$")
_ROLLED_UP = re.compile(r"<\d[\d:.]{4,12}><c[.>]")
"""As services caption by machine: each cue shows what the one before it said once more."""
_PAUSE_S = 2.0
"""Silence over which no sentence goes on."""
_ROLLING_S = 0.5
_LONGEST = 400
"""Characters of a line: subtitles without punctuation would be one."""


@dataclass(frozen=True)
class _Said:
    """A row of a cue, or several that one person says."""

    number: int
    text: str
    start: float
    end: float
    speaker: str | None
    begins: bool
    """Whether somebody begins to speak here, by a name or a dash."""
    sung: bool = False


def looks_like_subtitles(text: str) -> bool:
    """Whether it begins as such files do."""
    rows = [row.strip() for row in text[:2000].split("\n")]
    if rows[0].lstrip("\ufeff").split(" ")[0] == "WEBVTT":
        return True
    first = next((at for at, row in enumerate(rows) if row), 0)
    return any(_TIMES.match(row) for row in rows[first : first + 2]) if rows[first] else False


def parse_subtitles(text: str) -> Script:
    """Read SubRip or WebVTT as what is said, not when. ``NAME:``, voices and dashes begin a new line.

    Raises:
        UnreadableScript: when it has no cue.
        EmptyScript: when nobody speaks in them.
    """
    cues = list(_cues(text.split("\n")))
    if _ROLLED_UP.search(text):
        cues = _said_once(cues)
    if not cues and text.strip():
        raise UnreadableScript(f"The script has no subtitle with times. {SAVE_AS}")
    names = speakers_in([cue.text for cue in cues])
    lines: list[ScriptLine] = []
    for said in _sentences(cues):
        lines += lines_of_speech(said.text, said.speaker, said.number, names)
    return numbered(lines)


def _cues(rows: list[str]) -> Iterator[_Said]:
    at = 0
    while at < len(rows):
        times = _TIMES.match(rows[at]) if "-->" in rows[at] else None
        at += 1
        if times is None:
            continue
        start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
        speaker: str | None = None
        while at < len(rows) and rows[at].strip() and "-->" not in rows[at]:
            follows = at + 1 < len(rows) and "-->" in rows[at + 1]
            if not (follows and _NUMBER.fullmatch(rows[at].strip())):  # a number without an empty row before it
                said = _row(at + 1, rows[at], start, end, speaker)
                speaker = said.speaker
                if said.text:
                    yield said
            at += 1


def _row(number: int, raw: str, start: float, end: float, speaker: str | None) -> _Said:
    row = " ".join(raw.split())
    voice = _VOICE.search(row)
    plain = html.unescape(_TAG.sub("", row)).replace("\u200e", "").replace("\u200f", "").replace("♪", " ")
    text = " ".join(plain.split())
    changes = text.startswith(">>")
    text = text.lstrip("> ") if changes else text
    sung = "♪" in row
    dash = _DASH.match(text)
    text = text[dash.end() :] if dash else text
    name = " ".join(html.unescape(voice[1]).split()) if voice else None if changes or dash else speaker
    return _Said(number, text, start, end, name, bool(changes or dash or sung or _NAMED.match(text)), sung)


def _said_once(cues: list[_Said]) -> list[_Said]:
    """Without the rows that only stay on the screen while more is said."""
    kept: list[_Said] = []
    for one in cues:
        before = kept[-1] if kept else None
        if before and one.text == before.text and one.start - before.end <= _ROLLING_S:
            kept[-1] = replace(before, end=max(before.end, one.end))
        else:
            kept.append(one)
    return kept


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, millis = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(millis.ljust(3, "0")) / 1000


def _sentences(cues: list[_Said]) -> Iterator[_Said]:
    open_: list[_Said] = []
    for one in cues:
        if open_ and _ends(open_, one):
            yield _joined(open_)
            open_ = []
        open_.append(one)
    if open_:
        yield _joined(open_)


def _ends(open_: list[_Said], following: _Said) -> bool:
    last = open_[-1]
    aside = (last.text[0], last.text[-1]) in (("(", ")"), ("[", "]")) or following.text[0] in "(["
    return (
        following.begins
        or last.sung
        or following.speaker != last.speaker
        or aside
        or _SENTENCE_END.search(_ASIDE_AT_END.sub("", last.text[-220:])[-20:]) is not None
        or following.start - last.end > _PAUSE_S
        or sum(len(one.text) for one in open_) + len(following.text) > _LONGEST
    )


def _joined(open_: list[_Said]) -> _Said:
    first = open_[0]
    text = " ".join(one.text for one in open_)
    return _Said(first.number, text, first.start, open_[-1].end, first.speaker, first.begins)
