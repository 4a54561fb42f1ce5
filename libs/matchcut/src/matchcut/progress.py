"""Progress bars: one a step, fed by the job as it changes. Without a terminal, a line at every turn."""

import time
from types import TracebackType
from typing import Self

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from contracts.documents import StepReport
from matchcut.client import Job
from matchcut.console import Console

__all__ = ["JobProgress"]

_SIGN = {
    "queued": "[dim]·[/]",
    "running": "[cyan]▸[/]",
    "succeeded": "[green]✓[/]",
    "failed": "[red]✕[/]",
    "cancelled": "[yellow]–[/]",
}
_QUARTER = 0.25


class JobProgress:
    """Shows an upload, stages by name, and the steps of a job."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.fields[sign]}"),
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=32, complete_style="cyan", finished_style="green"),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[message]}[/]"),
            console=console.err,
            disable=not console.interactive,
        )
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, tuple[str, int]] = {}
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def part(self, name: str, fraction: float, message: str = "", *, state: str = "") -> None:
        """How far a named part is; 1 ends it."""
        self._update(name, state or ("succeeded" if fraction >= 1 else "running"), fraction, message)

    def job(self, job: Job) -> None:
        """Bring all bars to where the job is."""
        for step in job.steps:
            self._update(str(step.step), step.state, step.fraction, _message(step))

    def _update(self, name: str, state: str, fraction: float, message: str) -> None:
        if not self._console.interactive:
            self._line(name, state, fraction, message)
            return
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=1.0, start=False, sign="", message="")
        task = self._tasks[name]
        if state == "running":
            self._begin(task)
        completed = 1.0 if state == "succeeded" else fraction
        self._bars.update(task, completed=completed, sign=_SIGN[state], message=escape(message))
        if state in ("succeeded", "failed", "cancelled"):
            self._begin(task)
            self._bars.stop_task(task)

    def _begin(self, task: TaskID) -> None:
        if not self._bars.tasks[self._bars.task_ids.index(task)].started:
            self._bars.start_task(task)

    def _line(self, name: str, state: str, fraction: float, message: str) -> None:
        """Plain lines: at a change of state, and at every quarter of the way."""
        turn = (state, int(fraction / _QUARTER) if state == "running" else 0)
        if self._said.get(name) == turn or state == "queued":
            return
        self._said[name] = turn
        seconds = time.monotonic() - self._began
        percent = f" {fraction:.0%}" if state == "running" else ""
        self._console.say(f"{seconds:6.1f} s  {name:<11} {state}{percent}{'  ' + escape(message) if message else ''}")


def _message(step: StepReport) -> str:
    if step.state == "failed":
        return ": ".join(part for part in (step.reason, step.detail) if part)
    if step.state == "succeeded":
        return step.engine or ""
    return step.message
