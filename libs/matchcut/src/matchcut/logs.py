"""The services' logs in one place: every line with the coloured name of who wrote it."""

from pathlib import Path

from rich.markup import escape

from matchcut.console import Console

__all__ = ["LogFollower"]

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "red")


class LogFollower:
    """Prints what is added to ``*.log`` in a folder from now on."""

    def __init__(self, folder: Path, console: Console) -> None:
        self._folder = folder
        self._console = console
        self._read_to = {path: path.stat().st_size for path in folder.glob("*.log")} if folder.exists() else {}

    def print_new(self) -> None:
        """Print whole lines that came since the last call."""
        for number, path in enumerate(sorted(self._folder.glob("*.log"))):
            start = self._read_to.get(path, 0)
            with path.open("rb") as file:
                file.seek(start)
                new = file.read()
            whole, newline, _ = new.rpartition(b"\n")
            self._read_to[path] = start + len(whole) + len(newline)
            colour = _COLOURS[number % len(_COLOURS)]
            for line in whole.decode(errors="replace").splitlines():
                self._console.say(f"[{colour}]{path.stem:>10}[/] {escape(line)}")
