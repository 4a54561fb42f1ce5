"""Lists and records as people read them: lines that fit the terminal, and whole ones where nobody looks.

A list has a line for each thing. Where a line does not fit, what may be cut is cut; where even that is too long, each
thing gets lines of its own, as ``psql`` does it: an id is never broken, for somebody is going to copy it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from unicodedata import category

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

__all__ = ["Cell", "Record", "Rows", "clock", "counts", "minute", "moment", "painted", "size"]

Cell = str | Text
_GAP = "  "
_NARROWEST = 8
_NARROWEST_VALUE = 20


class Rows:
    """A list. ``cut`` says which columns may be narrower, and how: keep their ``head`` or ``tail``, or ``wrap``."""

    def __init__(
        self,
        heading: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        *,
        cut: Mapping[str, str] | None = None,
        right: Sequence[str] = (),
        title: str | None = None,
    ) -> None:
        self._heading = list(heading)
        self._rows = [[_clean(cell) for cell in row] for row in rows]
        self._cut = cut or {}
        self._right = right
        self._title = title

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, for the terminal there is."""
        if self._title is not None:
            yield _line(Text(self._title, style="bold"))
        shown = self._columns_with_something()
        cells = [[Text(name, style="dim") for name in self._heading], *self._rows]
        widths = [max(row[column].cell_len for row in cells) for column in range(len(self._heading))]
        if console.is_terminal and not self._shrink(widths, shown, options.max_width):
            yield from self._apart(options.max_width)
            return
        for row in cells:
            fitted = [self._fit(row[column], widths[column], self._heading[column]) for column in shown]
            for pieces in zip_longest(*fitted):
                padded = [piece or Text(" " * widths[column]) for piece, column in zip(pieces, shown, strict=True)]
                line = Text(_GAP).join(padded)
                line.rstrip()
                yield _line(line)

    def _columns_with_something(self) -> list[int]:
        """A column that is empty in every row tells nothing."""
        columns = range(len(self._heading))
        return [column for column in columns if not self._rows or any(row[column].plain for row in self._rows)]

    def _shrink(self, widths: list[int], shown: Sequence[int], room: int) -> bool:
        """Take from the widest of those that may be cut until a line fits; False if it never does."""
        columns = [column for column in shown if self._heading[column] in self._cut]
        while sum(widths[column] for column in shown) + len(_GAP) * (len(shown) - 1) > room:
            widest = max(columns, key=lambda column: widths[column] - self._narrowest(column), default=None)
            if widest is None or widths[widest] <= self._narrowest(widest):
                return False
            widths[widest] -= 1
        return True

    def _narrowest(self, column: int) -> int:
        return _NARROWEST_VALUE if self._cut[self._heading[column]] == "wrap" else _NARROWEST

    def _apart(self, room: int) -> Iterator[Text]:
        for number, row in enumerate(self._rows):
            if number:
                yield Text("")
            pairs = [(name, cell) for name, cell in zip(self._heading, row, strict=True) if cell.plain]
            yield from _record(pairs, room)

    def _fit(self, cell: Text, width: int, name: str) -> Sequence[Text]:
        keep = self._cut.get(name)
        if cell.cell_len > width:
            if keep == "wrap":
                return [_padded(piece, width) for piece in _pieces(cell, width)]
            return [_tail(cell, width) if keep == "tail" else _head(cell, width)]
        return [_padded(cell, width, right=name in self._right)]


class Record:
    """One thing: a line for each of its properties, those that are empty left out."""

    def __init__(self, pairs: Iterable[tuple[str, Cell | None]]) -> None:
        self._pairs = [(name, _clean(value)) for name, value in pairs if value]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, for the terminal there is."""
        yield from _record(self._pairs, options.max_width if console.is_terminal else None)


def painted(word: str, colours: Mapping[str, str]) -> Text:
    """A state in its colour; dim if it has none."""
    return Text(word, style=colours.get(word, "dim"))


def moment(at: datetime | None) -> str:
    """A time as the clock on the wall here shows it."""
    return "" if at is None else f"{at.astimezone():%F %T}"


def minute(at: datetime | None) -> str:
    """The same without its seconds, for lists."""
    return moment(at)[:-3]


def clock(seconds: float | None) -> str:
    """A time in a film: ``1:02.5``, ``1:00:02.5``."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def size(count: int | None) -> str:
    """How many bytes: ``940 B``, ``1.5 MB``."""
    if count is None:
        return ""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def counts(of: Mapping[str, int]) -> str:
    """How many of what: ``jobs 1, videos 1``."""
    return ", ".join(f"{name} {count}" for name, count in of.items())


def _clean(cell: Cell) -> Text:
    """A name may hold what a terminal obeys, and a list has a line for each thing."""
    text = cell if isinstance(cell, Text) else Text(cell)
    if any(category(letter) in ("Cc", "Cf") for letter in text.plain):
        plain = "".join(" " if category(letter) in ("Cc", "Cf") else letter for letter in text.plain)
        return Text(plain, style=text.style, spans=text.spans)
    return text


def _record(pairs: Sequence[tuple[str, Text]], room: int | None) -> Iterator[Text]:
    widest = max((cell_len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        label = Text(set_cell_size(name, widest) + _GAP, style="dim")
        for line in _pieces(value, None if room is None else room - widest - len(_GAP)):
            yield _line(Text.assemble(label, line))
            label = Text(" " * (widest + len(_GAP)))


def _pieces(value: Text, room: int | None) -> Sequence[Text]:
    """A value in lines that fit, broken between words where that is possible."""
    if room is None or value.cell_len <= room or room < _NARROWEST_VALUE:
        return [value]
    lines, line = list[Text](), Text()
    for word in value.split(" "):
        if line.plain and line.cell_len + 1 + word.cell_len > room:
            lines.append(line)
            line = Text()
        line = Text.assemble(line, " ", word) if line.plain else word
    return [*lines, line]


def _padded(cell: Text, width: int, *, right: bool = False) -> Text:
    pad = " " * (width - cell.cell_len)
    return Text.assemble(pad, cell) if right else Text.assemble(cell, pad)


def _head(cell: Text, width: int) -> Text:
    shorter = cell.copy()
    shorter.truncate(width, overflow="ellipsis", pad=True)
    return shorter


def _tail(cell: Text, width: int) -> Text:
    begin = len(cell.plain)
    while begin and cell_len(cell.plain[begin - 1 :]) < width:
        begin -= 1
    kept = Text.assemble("…", cell[begin:])
    return Text.assemble(kept, " " * (width - kept.cell_len))


def _line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ignore"
    return text
