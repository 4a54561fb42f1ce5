"""``matchcut work list|cancel|requeue``: the long tasks of the services."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.markup import escape

from matchcut.commands.asking import age, ask_each, chosen_environments
from matchcut.commands.choices import AsJson, Data, DryRun, Every, Filters, Job, Limit, OnlyService, Tenant, filtered_by
from matchcut.console import Console
from matchcut.exits import EPILOG, Exit, UsageFault, exit_codes
from matchcut.launcher import DataFolder

__all__ = ["app"]

app = typer.Typer(
    help="Long tasks of the services: who does what, and since when.", no_args_is_help=True, epilog=EPILOG
)
Ids = Annotated[list[str] | None, typer.Argument(help="Ids as `list` shows them.")]
State = Annotated[
    list[str] | None, typer.Option(help="queued dispatched running done failed cancelled; may be repeated.")
]
Kind = Annotated[str | None, typer.Option(help="Of this kind.", show_default="any")]
Subject = Annotated[str | None, typer.Option(help="About this, such as a video.", show_default="any")]
Key = Annotated[str | None, typer.Option(help="With this key; a trailing * stands for any ending.", show_default="any")]
Older = Annotated[
    str | None, typer.Option(metavar="SPAN", help="Made longer ago: 90s, 15m, 2h, 7d.", show_default=False)
]
Silent = Annotated[
    str | None, typer.Option(metavar="SPAN", help="In flight, and not heard of for longer.", show_default=False)
]
Why = Annotated[str | None, typer.Option(help="What those are told who wait for it.", show_default=False)]


@dataclass(frozen=True)
class TaskFilters(Filters):
    """Which tasks are meant."""

    state: State = None
    kind: Kind = None
    tenant: Tenant = None
    job: Job = None
    subject: Subject = None
    key: Key = None
    older_than: Older = None
    silent: Silent = None
    limit: Limit = None


_ALL = TaskFilters()


@app.command("list", epilog=EPILOG)
@filtered_by(TaskFilters)
def list_tasks(
    ids: Ids = None,
    service: OnlyService = None,
    filters: TaskFilters = _ALL,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What waits, runs or has failed, the oldest first; 100 of each service unless told otherwise."""
    console = Console(as_json=as_json)
    with exit_codes(console):
        answers = _ask(DataFolder.at(data), service, ["list", *(ids or ()), *filters.words()])
        if as_json:
            console.print_json(answers)
            return
        found = [(name, task) for name, answer in answers.items() for task in answer["tasks"]]
        if not found:
            console.out.print("no task is like that" if ids or filters.words() else "nothing waits, runs or has failed")
            return
        heading = ("service", "id", "state", "kind", "age", "since", "heard", "try", "tenant", "note", "key")
        console.show_rows(heading, [_row(*each) for each in found], cut=_CUT)
        for name, answer in answers.items():
            if answer["counts"]:
                counts = ", ".join(f"{count:,} {state}" for state, count in answer["counts"].items())
                more = f"; the first {len(answer['tasks'])} are shown, say --limit for more" if answer["more"] else ""
                console.say(f"[dim]{name}: {counts}{more}[/]")


@app.command("cancel", epilog=EPILOG)
@filtered_by(TaskFilters)
def cancel(
    ids: Ids = None,
    every: Every = False,
    service: OnlyService = None,
    filters: TaskFilters = _ALL,
    why: Why = None,
    dry_run: DryRun = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Call tasks off. Their steps fail with the reason cancelled_by_operator, so the owner of the job may retry it."""
    more = ["--why", why] if why else []
    _act("cancel", ids, every, service, filters, dry_run, data, as_json, more)


@app.command("requeue", epilog=EPILOG)
@filtered_by(TaskFilters)
def requeue(
    ids: Ids = None,
    every: Every = False,
    service: OnlyService = None,
    filters: TaskFilters = _ALL,
    dry_run: DryRun = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Have tasks done from the start, now, with all their tries: failed ones unless --state or --silent says which."""
    _act("requeue", ids, every, service, filters, dry_run, data, as_json)


_CUT = {"tenant": "tail", "note": "head", "key": "tail"}
_DONE = {"cancel": "called off", "requeue": "queued again"}


def _act(
    action: str,
    ids: list[str] | None,
    every: bool,
    service: str | None,
    filters: TaskFilters,
    dry_run: bool,
    data: Data,
    as_json: bool,
    more: Sequence[str] = (),
) -> None:
    console = Console(as_json=as_json)
    with exit_codes(console):
        if not ids and not every and not filters.narrow:
            raise UsageFault("name tasks by their ids, narrow them down with a filter, or say --all")
        flags = [*(["--all"] if every else []), *(["--dry-run"] if dry_run else [])]
        answers = _ask(DataFolder.at(data), service, [action, *(ids or ()), *filters.words(), *more, *flags])
        problems = _problems(answers)
        if as_json:
            console.print_json(answers)
        for name, answer in () if as_json else answers.items():
            if answer["done"]:
                would = "would be " if dry_run else ""
                console.out.print(f"{name}: [b]{answer['done']:,}[/] {would}{_DONE[action]}")
        if not as_json and not problems and not any(answer["done"] for answer in answers.values()):
            console.out.print("no task is like that")
        for problem in problems:
            console.say(f"[yellow]{escape(problem)}[/]")
        if problems:
            raise typer.Exit(Exit.FAILED)


def _problems(answers: dict[str, Any]) -> list[str]:
    """A task is of one service, so the others do not know it: it is missing if it is so everywhere."""
    unknown = ": no such task"
    said = [problem for answer in answers.values() for problem in answer["missing"]]
    known = [problem for problem in said if not problem.endswith(unknown)]
    nowhere = {problem for problem in said if said.count(problem) == len(answers) and problem.endswith(unknown)}
    return [*known, *sorted(nowhere)]


def _ask(folder: DataFolder, service: str | None, words: Sequence[str]) -> dict[str, Any]:
    environments = chosen_environments(folder, service)
    return ask_each(environments, {name: ["work", *words] for name in environments})


def _row(name: str, task: dict[str, Any]) -> tuple[str, ...]:
    due = f"due in {age(task['due_s'])}" if task["due_s"] is not None else ""
    note = " ".join(str(due or task["reason"] or task["detail"] or "").split())[:80]
    return (
        name,
        task["id"],
        task["state"],
        task["kind"],
        age(task["age_s"]),
        age(task["changed_s"]),
        age(task["silent_s"]),
        str(task["attempt"]),
        task["tenant_id"],
        note,
        task["key"],
    )
