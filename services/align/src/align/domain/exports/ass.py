"""Advanced SubStation Alpha: captions with the speaker as their name and the time of each word (``\\k``)."""

from collections.abc import Sequence

from align.domain.captions import Caption
from align.domain.exports.film import on_one_row
from align.domain.tokens import joint

__all__ = ["ass"]

_HEAD = """[Script Info]
; Written by Matchcut
Title: {title}
ScriptType: v4.00+
WrapStyle: 0
ScaledBorderAndShadow: yes
PlayResX: {width}
PlayResY: {height}

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, \
MarginV, Encoding
Style: Default,Arial,{size},&H00FFFFFF,&H00FFFFFF,&H00000000,&H80000000,0,0,0,0,\
100,100,0,0,1,2,1,2,{side},{side},{side},1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
_MEANT = str.maketrans({"{": "\uff5b", "}": "\uff5d", "\\": "\\\u2060"})
"""The format has no escapes: braces become wide ones, and a backslash is kept apart from what follows it."""


def ass(captions: Sequence[Caption], *, title: str, width: int, height: int) -> str:
    """Both colours of the style are one, so that the words' times are there without being seen."""
    size = max(8, height // 18)
    head = _HEAD.format(
        title=on_one_row(title) or "Matchcut", width=width, height=height, size=size, side=max(1, height // 30)
    )
    rows = [_event(caption) for caption in captions]
    return head + "".join(f"{row}\n" for row in rows)


def _event(caption: Caption) -> str:
    # Start and end must not fall together when they are rounded to hundredths.
    start = _hundredths(caption.start)
    end = max(start + 1, _hundredths(caption.end))
    name = on_one_row(caption.speaker or "").replace(",", ";").translate(_MEANT)
    return f"Dialogue: 0,{_clock(start)},{_clock(end)},Default,{name},0,0,0,,{_timed(caption, start, end)}"


def _timed(caption: Caption, start: int, end: int) -> str:
    """Each word with how long it is from its beginning to that of the next, in hundredths of a second."""
    edges = [min(max(_hundredths(word.start), start), end) for word in caption.words]
    text, before, at = "", "", start
    firsts = _row_starts(caption)
    for number, word in enumerate(caption.words):
        following = edges[number + 1] if number + 1 < len(edges) else end
        gap = "" if not number else "\\N" if number in firsts else joint(before, word.text)
        if not number and edges[0] > start:
            text += f"{{\\k{edges[0] - start}}}"
            at = edges[0]
        until = max(at, following)
        text += f"{gap}{{\\k{until - at}}}{on_one_row(word.text).translate(_MEANT)}"
        at, before = until, word.text
    return text


def _row_starts(caption: Caption) -> set[int]:
    """The words that begin a row."""
    return {
        number for number, row in enumerate(caption.row_numbers) if number and row != caption.row_numbers[number - 1]
    }


def _hundredths(seconds: float) -> int:
    return max(0, round(seconds * 100))


def _clock(hundredths: int) -> str:
    seconds, rest = divmod(hundredths, 100)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}.{rest:02d}"
