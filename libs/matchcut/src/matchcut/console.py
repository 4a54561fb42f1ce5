"""What is printed where: results on stdout, everything else on stderr, so that output can be piped."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import rich.console
import typer
from rich.markup import escape
from rich.table import Table

__all__ = ["Console"]

_NARROWEST = 8


class Console:
    """One command's output. With ``as_json`` stdout gets JSON and nothing else."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.err = rich.console.Console(stderr=True, highlight=False)
        self.out = rich.console.Console(highlight=False)

    @property
    def interactive(self) -> bool:
        """Whether somebody watches."""
        return self.err.is_terminal

    def say(self, text: str) -> None:
        """A remark for whoever watches; Rich markup."""
        self.err.print(text)

    def print_json(self, value: Any) -> None:
        """The result, for programs."""
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")
        sys.stdout.flush()

    def show(self, value: Any, table: Table | str) -> None:
        """The result: ``value`` as JSON when that was asked for, else ``table``."""
        if self.as_json:
            self.print_json(value)
        else:
            self.out.print(table)

    def show_rows(self, heading: Sequence[str], rows: Iterable[Sequence[str]], *, cut: Mapping[str, str]) -> None:
        """A table. On a terminal the columns named in ``cut`` are cut to fit, and keep their ``head`` or ``tail``."""
        cells = [list(heading), *(list(row) for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(heading))]
        if self.out.is_terminal:
            _shrink(widths, [column for column, name in enumerate(heading) if name in cut], self.out.width)
        for number, row in enumerate(cells):
            fitted = [_fit(cell, width, cut.get(name)) for cell, width, name in zip(row, widths, heading, strict=True)]
            line = escape("  ".join(fitted).rstrip())
            self.out.print(line if number else f"[bold]{line}[/]", soft_wrap=True)

    def failure(self, message: str, *, code: int) -> NoReturn:
        """Say why not, and end."""
        self.err.print(f"[bold red]✕[/] {escape(message)}")
        if self.as_json:
            self.print_json({"error": message, "exit_code": int(code)})
        raise typer.Exit(int(code))


def _shrink(widths: list[int], columns: Sequence[int], room: int) -> None:
    """Take from the widest of these columns until the line fits, or none of them can give more."""
    while sum(widths) + 2 * (len(widths) - 1) > room:
        widest = max(columns, key=lambda column: widths[column])
        if widths[widest] <= _NARROWEST:
            return
        widths[widest] -= 1


def _fit(cell: str, width: int, keep: str | None) -> str:
    if len(cell) <= width:
        return cell.ljust(width)
    return f"…{cell[-(width - 1) :]}" if keep == "tail" else f"{cell[: width - 1]}…"
