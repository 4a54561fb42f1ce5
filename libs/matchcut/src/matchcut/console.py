"""What is printed where: results on stdout, everything else on stderr, so that output can be piped."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import rich.console
import typer
from rich.markup import escape

from matchcut.tables import Record, Rows

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

    def show(self, value: Any, *shown: Rows | Record | str) -> None:
        """The result: ``value`` as JSON when that was asked for, else what is ``shown``, a line apart."""
        if self.as_json:
            self.print_json(value)
            return
        for number, each in enumerate(shown):
            if number:
                self.out.print()
            self.out.print(each, crop=False)

    def show_rows(self, heading: Sequence[str], rows: Iterable[Sequence[str]], *, cut: Mapping[str, str]) -> None:
        """A list. On a terminal the columns named in ``cut`` are cut to fit, and keep their ``head`` or ``tail``."""
        self.out.print(Rows(heading, rows, cut=cut), crop=False)

    def failure(self, message: str, *, code: int) -> NoReturn:
        """Say why not, and end."""
        self.err.print(f"[bold red]✕[/] {escape(message)}")
        if self.as_json:
            self.print_json({"error": message, "exit_code": int(code)})
        raise typer.Exit(int(code))
