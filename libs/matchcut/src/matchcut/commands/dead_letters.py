"""``matchcut dlq list|show|replay|drop``: facts that services gave up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from matchcut.commands.asking import age, ask_each, chosen_environments
from matchcut.commands.choices import AsJson, Data, DryRun, Every, Filters, Job, Limit, OnlyService, Tenant, filtered_by
from matchcut.console import Console
from matchcut.exits import EPILOG, Exit, UsageFault, exit_codes
from matchcut.launcher import DataFolder

__all__ = ["app"]

app = typer.Typer(help="Facts that services gave up (dead letters).", no_args_is_help=True, epilog=EPILOG)
Ids = Annotated[list[str] | None, typer.Argument(help="Ids as `list` shows them: service/stream/number.")]
Stream = Annotated[list[str] | None, typer.Option(help="Of this stream; may be repeated.", show_default="all")]
Reason = Annotated[str | None, typer.Option(help="With this reason.", show_default="any")]
Event = Annotated[str | None, typer.Option(help="Of the event with this id.", show_default="any")]
Older = Annotated[
    str | None, typer.Option(metavar="SPAN", help="Died longer ago: 90s, 15m, 2h, 7d.", show_default=False)
]
Newer = Annotated[str | None, typer.Option(metavar="SPAN", help="Died since then.", show_default=False)]


@dataclass(frozen=True)
class LetterFilters(Filters):
    """Which dead letters are meant."""

    stream: Stream = None
    reason: Reason = None
    event: Event = None
    job: Job = None
    tenant: Tenant = None
    older_than: Older = None
    newer_than: Newer = None
    limit: Limit = None


_ALL = LetterFilters()


@app.command("list", epilog=EPILOG)
@filtered_by(LetterFilters)
def list_letters(
    service: OnlyService = None,
    filters: LetterFilters = _ALL,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What was given up, and why; 100 of each service unless told otherwise."""
    console = Console(as_json=as_json)
    with exit_codes(console):
        answers = _ask(DataFolder.at(data), service, "list", None, filters.words())
        if as_json:
            console.print_json(answers)
            return
        letters = [(name, letter) for name, answer in answers.items() for letter in answer["letters"]]
        if not letters:
            console.out.print("no dead letter is like that" if filters.words() else "no dead letters")
            return
        heading = ("id", "age", "reason", "tries", "tenant", "detail")
        console.show_rows(heading, [_row(*found) for found in letters], cut={"tenant": "tail", "detail": "head"})
        for name, answer in answers.items():
            if answer["more"]:
                of = f" of {answer['total']:,}" if answer["total"] is not None else "; there are more"
                shown = len(answer["letters"])
                console.say(f"[dim]{name}: the first {shown}{of}. Say --limit for more, or narrow them down.[/]")


@app.command("show", epilog=EPILOG)
@filtered_by(LetterFilters)
def show(
    ids: Ids = None,
    every: Every = False,
    service: OnlyService = None,
    filters: LetterFilters = _ALL,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Whole dead letters, with what was in them and the traceback."""
    console = Console(as_json=as_json)
    with exit_codes(console):
        answers = _ask(DataFolder.at(data), service, "show", ids, _meant(ids, every, filters))
        if as_json:
            console.print_json(answers)
        for name, answer in () if as_json else answers.items():
            for letter in answer["letters"]:
                _print_whole(console, name, letter)
        _end_with_missing(console, answers)


@app.command("replay", epilog=EPILOG)
@filtered_by(LetterFilters)
def replay(
    ids: Ids = None,
    every: Every = False,
    service: OnlyService = None,
    filters: LetterFilters = _ALL,
    dry_run: DryRun = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give dead letters to their service once more, with all its tries; after what killed them was mended."""
    _act("replay", ids, every, service, filters, dry_run, data, as_json)


@app.command("drop", epilog=EPILOG)
@filtered_by(LetterFilters)
def drop(
    ids: Ids = None,
    every: Every = False,
    service: OnlyService = None,
    filters: LetterFilters = _ALL,
    dry_run: DryRun = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Forget dead letters. What they were about will not happen."""
    _act("drop", ids, every, service, filters, dry_run, data, as_json)


def _act(
    action: str,
    ids: list[str] | None,
    every: bool,
    service: str | None,
    filters: LetterFilters,
    dry_run: bool,
    data: Data,
    as_json: bool,
) -> None:
    console = Console(as_json=as_json)
    with exit_codes(console):
        words = [*_meant(ids, every, filters), *(["--dry-run"] if dry_run else [])]
        answers = _ask(DataFolder.at(data), service, action, ids, words)
        would = "would be " if dry_run else ""
        done = {"replay": "replayed", "drop": "dropped"}[action]
        if as_json:
            console.print_json(answers)
        for name, answer in () if as_json else answers.items():
            if answer["done"]:
                console.out.print(f"{name}: [b]{answer['done']:,}[/] {would}{done}")
        if not as_json and not any(answer["done"] for answer in answers.values()):
            console.out.print("no dead letter is like that")
        _end_with_missing(console, answers)


def _end_with_missing(console: Console, answers: dict[str, Any]) -> None:
    missing = [f"{name}/{letter_id}" for name, answer in answers.items() for letter_id in answer["missing"]]
    for letter_id in missing:
        console.say(f"[yellow]{escape(letter_id)}: no such dead letter[/]")
    if missing:
        raise typer.Exit(Exit.FAILED)


def _meant(ids: list[str] | None, every: bool, filters: LetterFilters) -> list[str]:
    if not ids and not every and not filters.narrow:
        raise UsageFault("name dead letters by their ids, narrow them down with a filter, or say --all")
    return [*filters.words(), *(["--all"] if every else [])]


def _ask(
    folder: DataFolder, service: str | None, action: str, ids: list[str] | None, words: Sequence[str]
) -> dict[str, Any]:
    environments = chosen_environments(folder, service)
    if not ids:
        return ask_each(environments, {name: ["dlq", action, *words] for name in environments})
    named: dict[str, list[str]] = {}
    for each in ids:
        owner, slash, letter_id = each.partition("/")
        if not slash or owner not in environments:
            if service is None or owner in running_names(folder):
                raise UsageFault(f"{each!r} names no letter: write <service>/<stream>/<number>, as `dlq list` does")
            owner, letter_id = service, each
        named.setdefault(owner, []).append(letter_id)
    return ask_each(environments, {name: ["dlq", action, *some, *words] for name, some in named.items()})


def running_names(folder: DataFolder) -> frozenset[str]:
    """The services that run."""
    return frozenset(chosen_environments(folder, None))


def _row(name: str, letter: dict[str, Any]) -> tuple[str, ...]:
    died_s = (datetime.now(UTC) - datetime.fromisoformat(letter["died_at"])).total_seconds()
    detail = " ".join(str(letter["detail"]).split())[:100]
    return (
        f"{name}/{letter['id']}",
        age(died_s),
        str(letter["reason"]),
        str(letter["attempt"]),
        str(letter["tenant_id"]),
        detail,
    )


def _print_whole(console: Console, name: str, letter: dict[str, Any]) -> None:
    console.out.rule(escape(f"{name}/{letter['id']}"), align="left")
    for key, value in letter.items():
        if value and key not in ("id", "payload", "traceback"):
            console.out.print(f"[dim]{key:<10}[/] {escape(str(value))}", soft_wrap=True)
    console.out.print(f"[dim]payload[/]    {escape(letter['payload'])}", soft_wrap=True)
    if letter["traceback"]:
        console.out.print(escape(letter["traceback"]), soft_wrap=True)
