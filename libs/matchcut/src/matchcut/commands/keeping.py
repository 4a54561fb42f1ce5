"""``matchcut retention``, ``export`` and ``receipt``: for how long, all of it, and proof that it is gone."""

import json
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from matchcut.client import Export, Matchcut, Retention
from matchcut.client.compliance import RetentionGoes
from matchcut.client.receipts import verify_receipt
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, PartFailed, UsageFault, exit_codes
from matchcut.launcher import DataFolder
from matchcut.tables import Rows, counts, minute, size

__all__ = ["export", "receipt", "retention"]

retention = typer.Typer(help="For how long what is kept.", no_args_is_help=True, epilog=EPILOG)
export = typer.Typer(help="Everything our tenant has, in one ZIP.", no_args_is_help=True, epilog=EPILOG)
receipt = typer.Typer(help="Receipts of erasures.", no_args_is_help=True, epilog=EPILOG)

_LOOK_AGAIN_S = 1.0
_KINDS = [name for name in Retention.model_fields if name != "etag"]
Rules = Annotated[list[str] | None, typer.Argument(help="Such as videos=365 or audit=never; the others stay.")]


@retention.command("show", epilog=EPILOG)
def show_retention(data: Data = None, as_json: AsJson = False) -> None:
    """The days after which things are erased by themselves."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        _show_rules(console, client.retention())


@retention.command("set", epilog=EPILOG)
def set_retention(
    rules: Rules = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Change rules. What is over its time then is erased soon, for good: see what, with preview."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        changes = _days_of(rules)
        goes = client.preview_retention(**changes).goes
        if goes and not yes:
            typer.confirm(
                f"Erase {', '.join(f'{one.count} {one.kind}' for one in goes)} for good?", abort=True, err=True
            )
        _show_rules(console, client.set_retention(client.retention().model_copy(update=changes)))


@retention.command("preview", epilog=EPILOG)
def preview_retention(rules: Rules = None, data: Data = None, as_json: AsJson = False) -> None:
    """What would be erased now, were these the rules. Nothing is."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        preview = client.preview_retention(**_days_of(rules))
        rows = [_going(one) for one in preview.goes]
        heading = ("what", "older than", "how many", "the oldest", "what goes, what stays")
        table = Rows(heading, rows, cut={"what goes, what stays": "wrap"}, right=("how many",))
        console.show(
            preview.model_dump(mode="json", exclude={"rules": {"etag"}}),
            table if preview.goes else "nothing would be erased",
        )


@export.command("make", epilog=EPILOG)
def make_export(
    media: Annotated[bool, typer.Option("--media", help="With films and pictures.")] = False,
    to: Annotated[Path | None, typer.Option(help="Wait until it is there, and fetch it to this file.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Have everything put into one ZIP."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        made = client.start_export(media=media)
        if to is not None:
            made = _fetched(client, made, to)
        _show_exports(console, [made])


@export.command("list", epilog=EPILOG)
def list_exports(
    limit: Newest = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The newest exports."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        _show_exports(console, list(islice(client.exports(), limit)))


@export.command("get", epilog=EPILOG)
def get_export(
    export_id: Annotated[UUID, typer.Argument(help="Id of the export.")],
    to: Annotated[Path, typer.Argument(help="The file to write.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Fetch an export, once it is there."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        _show_exports(console, [_fetched(client, client.export(export_id), to)])


@receipt.command("get", epilog=EPILOG)
def get_receipt(
    of: Annotated[str, typer.Argument(help="Id of an erasure; or the token of a tenant that is no more, - reads it.")],
    data: Data = None,
) -> None:
    """The receipt of an erasure, as it was signed."""
    console = Console()
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        print(_receipt(client, sys.stdin.read().strip() if of == "-" else of))


@receipt.command("keys", epilog=EPILOG)
def receipt_keys(data: Data = None) -> None:
    """The keys that verify receipts, to be kept beside them."""
    console = Console()
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        print(json.dumps(client.receipt_keys(), indent=2))


@receipt.command("verify", epilog=EPILOG)
def verify(
    receipt: Annotated[Path, typer.Argument(help="The file it is in; - reads it.", allow_dash=True)],
    keys: Annotated[Path, typer.Option(help="The file that `matchcut receipt keys` wrote.")],
    issuer: Annotated[str, typer.Option(help="Who must have issued it.")] = "matchcut",
    as_json: AsJson = False,
) -> None:
    """Hold a receipt against keys, without asking anybody; exit code 1 if it does not hold."""
    console = Console(as_json=as_json)
    with exit_codes(console):
        try:
            words = sys.stdin.read() if str(receipt) == "-" else receipt.read_text()
            known = json.loads(keys.read_text())
        except (OSError, ValueError) as fault:
            raise UsageFault(f"cannot be read: {fault}") from None
        said = verify_receipt(words, known, issuer=issuer)
        rows = [(service, one.at, counts(one.rows), counts(one.blobs)) for service, one in said.services.items()]
        cut = {"rows": "wrap", "files": "wrap"}
        title = f"{said.erased.kind} {said.erased.id} is erased"
        table = Rows(("service", "when", "rows", "files"), rows, cut=cut, title=title)
        console.show(said.model_dump(mode="json"), table)


def _receipt(client: Matchcut, of: str) -> str:
    try:
        erasure = client.erasure(UUID(of))
    except ValueError:
        return client.receipt(of)
    if erasure.receipt is None:
        raise PartFailed(f"this erasure is not completed yet: it waits for {', '.join(erasure.awaited) or 'its end'}")
    return erasure.receipt


def _going(one: RetentionGoes) -> tuple[str, ...]:
    oldest = f"{one.oldest_at:%F}" if one.oldest_at else ""
    return one.kind.replace("_", "-"), f"{one.days} days", str(one.count), oldest, one.what


def _days_of(rules: list[str] | None) -> dict[str, int | None]:
    said: dict[str, int | None] = {}
    for rule in rules or ():
        kind, _, days = rule.partition("=")
        kind = kind.replace("-", "_")
        if kind not in _KINDS or not (days == "never" or days.isdecimal()):
            known = ", ".join(_KINDS)
            raise UsageFault(f"{rule!r} is no rule: write one of {known}, and how many days, as in videos=365")
        said[kind] = None if days == "never" else int(days)
    return said


def _show_rules(console: Console, rules: Retention) -> None:
    kept = rules.model_dump(exclude={"etag"})
    rows = [(kind.replace("_", "-"), "ever" if days is None else f"{days} days") for kind, days in kept.items()]
    console.show(kept, Rows(("what", "is kept for"), rows))


def _show_exports(console: Console, exports: list[Export]) -> None:
    rows = [
        (str(one.id), one.reason or one.state, minute(one.created_at), size(one.size_bytes), one.sha256 or "")
        for one in exports
    ]
    heading = ("export", "state", "asked for", "size", "sha256")
    table = Rows(heading, rows, cut={"sha256": "head"}, right=("size",))
    console.show([one.model_dump(mode="json") for one in exports], table if exports else "there is no export")


def _fetched(client: Matchcut, made: Export, to: Path) -> Export:
    while made.state == "running":
        time.sleep(_LOOK_AGAIN_S)
        made = client.export(made.id)
    if made.content_url is None:
        raise PartFailed(f"this export has failed: {made.reason}")
    client.download(made.content_url, to)
    return made
