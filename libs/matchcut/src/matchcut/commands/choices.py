"""Options that several commands share."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "AsJson",
    "Data",
    "DryRun",
    "Every",
    "Filters",
    "Job",
    "Limit",
    "Newest",
    "OnlyService",
    "Tenant",
    "filtered_by",
]

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder.", envvar="MATCHCUT_HOME", show_default=".matchcut", file_okay=False),
]
OnlyService = Annotated[str | None, typer.Option("--service", "-s", help="Only this service.", show_default="all")]
Tenant = Annotated[str | None, typer.Option(help="Of this tenant.", show_default="any")]
Job = Annotated[str | None, typer.Option(help="Of this job.", show_default="any")]
Every = Annotated[bool, typer.Option("--all", help="No filter: every one.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many of each service.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Newest = Annotated[int, typer.Option(help="How many at most.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout and nothing else there.")]


class Filters:
    """Options that say which are meant; subclasses are dataclasses whose fields are those options."""

    def words(self) -> list[str]:
        """Those that were given, as the command line of a service takes them."""
        words: list[str] = []
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            each = value if isinstance(value, list) else [] if value is None else [value]
            words += [word for one in each for word in (f"--{field.name.replace('_', '-')}", str(one))]
        return words

    @property
    def narrow(self) -> bool:
        """Whether any of them says which are meant; ``--limit`` does not."""
        return any(name != "--limit" for name in self.words()[::2])


def filtered_by(kind: type[Filters]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command, which takes ``filters``, an option for each field of ``kind``.

    Typer reads signatures: so the one it reads has the fields where the command has ``filters``.
    """
    fields = [*inspect.signature(kind).parameters.values()]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**given: Any) -> None:
            filters = kind(**{field.name: given.pop(field.name) for field in fields})
            command(**given, filters=filters)

        parameters: list[inspect.Parameter] = []
        for own in inspect.signature(command).parameters.values():
            parameters += fields if own.name == "filters" else [own]
        shown = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
        run.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
        return run

    return decorate
