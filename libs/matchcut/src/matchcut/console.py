"""What is printed where: results on stdout, everything else on stderr, so that output can be piped."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import rich.box
import rich.console
import typer
from rich.markup import escape
from rich.table import Table

__all__ = ["Console"]


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

    def show_rows(self, heading: Sequence[str], rows: Iterable[Sequence[str]], *, whole: Sequence[str] = ()) -> None:
        """A table: on a terminal columns that are not ``whole`` are cut to fit; elsewhere it is plain text, uncut."""
        if self.out.is_terminal:
            table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
            for name in heading:
                table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=36 if name in whole else None)
            for row in rows:
                table.add_row(*(escape(cell) for cell in row))
            self.out.print(table)
            return
        cells = [list(heading), *(list(row) for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(heading))]
        for row in cells:
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            sys.stdout.write(line.rstrip() + "\n")

    def failure(self, message: str, *, code: int) -> NoReturn:
        """Say why not, and end."""
        self.err.print(f"[bold red]✕[/] {escape(message)}")
        if self.as_json:
            self.print_json({"error": message, "exit_code": int(code)})
        raise typer.Exit(int(code))
