"""Praat's TextGrid, long form: lines, words, speakers and ad-libs as tiers of intervals without gaps."""

from collections.abc import Iterable, Sequence

from align.domain.exports.film import chosen_of, on_one_row
from contracts.documents import Ledger

__all__ = ["textgrid"]

_SHORTEST_S = 0.001
Interval = tuple[float, float, str]


def textgrid(ledger: Ledger, duration: float) -> str:
    """The chosen takes. Of takes that overlap, the later goes to a second tier (``lines 2``), and so on."""
    chosen = chosen_of(ledger)
    lines = _layers((take.start, take.end, f"{line.line_id} {line.text}") for line, _, take in chosen)
    words = _layers((word.start, word.end, word.text) for _, _, take in chosen for word in take.words)
    speakers = _layers((take.start, take.end, line.speaker) for line, _, take in chosen if line.speaker)
    ad_libs = _layers((one.start, one.end, one.text) for one in ledger.ad_libs)
    tiers = [
        (name if not number else f"{name} {number + 1}", layer)
        for name, layers in (("lines", lines), ("words", words), ("speakers", speakers), ("ad-libs", ad_libs))
        for number, layer in enumerate(layers)
    ]
    end = max([_SHORTEST_S, duration] + [layer[-1][1] for _, layer in tiers if layer])
    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {_time(end)}"]
    rows = [*head, "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, layer) in enumerate(tiers, 1):
        rows += _tier(number, name, _without_gaps(layer, end), end)
    return "\n".join([*rows, ""])


def _layers(intervals: Iterable[Interval]) -> list[list[Interval]]:
    """Intervals shared out so that none of a layer overlaps another; one empty layer where there are none."""
    layers: list[list[Interval]] = []
    for start, end, text in sorted(intervals):
        start, end = round(start, 6), round(max(end, start + _SHORTEST_S), 6)
        free = next((layer for layer in layers if layer[-1][1] <= start), None)
        if free is None:
            free = []
            layers.append(free)
        free.append((start, end, text))
    return layers or [[]]


def _without_gaps(layer: Sequence[Interval], end: float) -> list[Interval]:
    filled: list[Interval] = []
    at = 0.0
    for start, until, text in layer:
        if start > at:
            filled.append((at, start, ""))
        filled.append((start, until, text))
        at = until
    if at < end:
        filled.append((at, end, ""))
    return filled


def _tier(number: int, name: str, intervals: Sequence[Interval], end: float) -> list[str]:
    rows = [
        f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{name}"', "        xmin = 0",
        f"        xmax = {_time(end)}", f"        intervals: size = {len(intervals)}",
    ]  # fmt: skip
    for at, (start, until, text) in enumerate(intervals, 1):
        rows += [
            f"        intervals [{at}]:", f"            xmin = {_time(start)}", f"            xmax = {_time(until)}",
            f'            text = "{_quoted(text)}"',
        ]  # fmt: skip
    return rows


def _quoted(text: str) -> str:
    return on_one_row(text).replace('"', '""')


def _time(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".") or "0"
