"""``matchcut dlq list|show|replay|drop``: facts that services gave up."""

from typing import Annotated, Any

import typer
from rich.table import Table

from matchcut.commands.asking import ask, running_environments
from matchcut.commands.choices import AsJson, Data
from matchcut.console import Console
from matchcut.exits import EPILOG, Exit, UsageFault, exit_codes
from matchcut.launcher import DataFolder

__all__ = ["app"]

app = typer.Typer(help="Facts that services gave up (dead letters).", no_args_is_help=True, epilog=EPILOG)
Service = Annotated[str | None, typer.Option("--service", "-s", help="Only this service.", show_default="all")]
Ids = Annotated[list[str] | None, typer.Argument(help="Ids, as `list` shows them.")]
All = Annotated[bool, typer.Option("--all", help="Every one.")]


@app.command("list", epilog=EPILOG)
def list_letters(service: Service = None, data: Data = None, as_json: AsJson = False) -> None:
    """What was given up, and why."""
    console = Console(as_json=as_json)
    with exit_codes(console):
        answers = _ask(DataFolder.at(data), service, ["dlq", "list"])
        table = Table("service", "id", "died", "reason", "tries", "detail")
        for name, letters in answers.items():
            for letter in letters:
                shown = (letter.get(key, "") for key in ("id", "died_at", "reason", "attempt", "detail"))
                table.add_row(name, *(str(cell) for cell in shown))
        none = "no dead letters" if not any(answers.values()) else table
        console.show(answers, none)


@app.command("show", epilog=EPILOG)
def show(
    ids: Ids = None, every: All = False, service: Service = None, data: Data = None, as_json: AsJson = False
) -> None:
    """Whole dead letters, with their traceback."""
    console = Console(as_json=as_json)
    with exit_codes(console):
        answers = _ask(DataFolder.at(data), service, ["dlq", "show", *_which(ids, every)])
        found = {name: letters for name, letters in answers.items() if letters}
        if as_json:
            console.print_json(found)
        for name, letters in () if as_json else found.items():
            for letter in letters:
                console.out.rule(f"{name} {letter.get('id')}")
                console.out.print_json(data=letter)
        if not found and ids:
            raise UsageFault("no dead letter has such an id")


@app.command("replay", epilog=EPILOG)
def replay(
    ids: Ids = None, every: All = False, service: Service = None, data: Data = None, as_json: AsJson = False
) -> None:
    """Give dead letters to their service once more."""
    _act("replay", ids, every, service, data, as_json)


@app.command("drop", epilog=EPILOG)
def drop(
    ids: Ids = None, every: All = False, service: Service = None, data: Data = None, as_json: AsJson = False
) -> None:
    """Forget dead letters."""
    _act("drop", ids, every, service, data, as_json)


def _act(action: str, ids: Ids, every: bool, service: str | None, data: Data, as_json: bool) -> None:
    console = Console(as_json=as_json)
    with exit_codes(console):
        answers = _ask(DataFolder.at(data), service, ["dlq", action, *_which(ids, every)])
        done = {name: [letter for letter, found in answer.items() if found] for name, answer in answers.items()}
        number = sum(len(letters) for letters in done.values())
        console.show(done, f"{action}: {number} done")
        if ids and number < len(set(ids)):
            raise typer.Exit(Exit.FAILED)


def _which(ids: list[str] | None, every: bool) -> list[str]:
    if not ids and not every:
        raise UsageFault("name dead letters by their ids, or say --all")
    return ["--all"] if every else list(ids or ())


def _ask(folder: DataFolder, service: str | None, words: list[str]) -> dict[str, Any]:
    environments = running_environments(folder)
    if service and service not in environments:
        raise UsageFault(f"there is no service {service!r}: choose from {', '.join(environments)}")
    chosen = {service: environments[service]} if service else environments
    answers: dict[str, Any] = {}
    for name, answer, code in ask(chosen, words):
        if isinstance(answer, dict) and "error" in answer and code:
            raise UsageFault(f"{name}: {answer['error']}")
        answers[name] = answer
    return answers
