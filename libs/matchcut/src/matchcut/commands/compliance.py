"""``matchcut audit`` and ``matchcut erase``: who did what, and what is no more."""

from datetime import datetime
from itertools import islice
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.text import Text

from matchcut.client import AuditEntry, Erasure, Matchcut
from matchcut.client.compliance import AuditIntegrity, Outcome
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, PartFailed, UsageFault, exit_codes
from matchcut.launcher import DataFolder
from matchcut.tables import Cell, Record, Rows, counts, minute, moment, painted

__all__ = ["Sure", "audit", "erase", "must_be_meant", "tell_erasure"]

erase = typer.Typer(help="Erase for good, in every service, and get a receipt.", no_args_is_help=True, epilog=EPILOG)
Sure = Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")]

_COLOUR = {"done": "green", "refused": "yellow", "failed": "red"}
_STATES = {"running": "cyan", "completed": "green"}


def audit(
    action: Annotated[str | None, typer.Option(help="Only this operation, such as erase_video.")] = None,
    user: Annotated[UUID | None, typer.Option(help="Only what this user did.")] = None,
    resource: Annotated[UUID | None, typer.Option(help="Only what was done to this.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only what ended so.")] = None,
    since: Annotated[datetime | None, typer.Option(help="At or after this moment, local time.")] = None,
    limit: Newest = 20,
    integrity: Annotated[bool, typer.Option("--integrity", help="Hold all of it against its seals instead.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Who did what, when, from where, and what came of it; the newest first."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        if integrity:
            _show_integrity(console, client.verify_audit())
            return
        found = client.audit(
            user_id=user,
            action=action,
            resource_id=resource,
            outcome=outcome,
            since=since.astimezone() if since else None,
        )
        entries = list(islice(found, limit))
        rows = [_entry(entry) for entry in entries]
        heading = ("when", "what", "outcome", "who", "from", "to")
        table = Rows(heading, rows, cut={"what": "head", "who": "tail", "to": "tail"})
        console.show([entry.model_dump(mode="json") for entry in entries], table if entries else "nothing is like that")


@erase.command("video", epilog=EPILOG)
def erase_video(
    video_id: Annotated[UUID, typer.Argument(help="Id of the video.")],
    yes: Sure = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Erase a video with everything made of it."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        must_be_meant(f"video {video_id}", yes)
        tell_erasure(console, client.erase_video(video_id))


@erase.command("script", epilog=EPILOG)
def erase_script(
    script_id: Annotated[UUID, typer.Argument(help="Id of the script.")],
    yes: Sure = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Erase a script with everything aligned with it."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        must_be_meant(f"script {script_id}", yes)
        tell_erasure(console, client.erase_script(script_id))


@erase.command("list", epilog=EPILOG)
def list_erasures(
    limit: Newest = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The newest erasures."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        erasures = list(islice(client.erasures(), limit))
        rows = [_line(one) for one in erasures]
        heading = ("erasure", "asked for", "state", "of", "waits for")
        table = Rows(heading, rows, cut={"of": "tail", "waits for": "head"})
        console.show([one.model_dump(mode="json") for one in erasures], table if erasures else "nothing was erased yet")


@erase.command("show", epilog=EPILOG)
def show_erasure(
    erasure_id: Annotated[UUID, typer.Argument(help="Id of the erasure.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What each service has deleted, and the receipt."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        tell_erasure(console, client.erasure(erasure_id))


@erase.command("user", epilog=EPILOG)
def erase_user(
    user_id: Annotated[UUID, typer.Argument(help="Id of the user.")],
    yes: Sure = False,
    data: Data = None,
) -> None:
    """Erase a user with their sessions and keys; what they corrected stays, as nobody's."""
    console = Console()
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        must_be_meant(f"user {user_id}", yes)
        client.remove_user(user_id)
        console.say(f"user {user_id} is erased: see `matchcut erase list`")


@erase.command("tenant", epilog=EPILOG)
def erase_tenant(
    name: Annotated[str, typer.Argument(help="The name of our tenant.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the name once more.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Erase our tenant with everything and everybody. Keep the token that is shown: with it the receipt can be had."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        _must_be_ours(console, client, name, yes)
        begun = client.erase_tenant(name)
        pairs: list[tuple[str, Cell | None]] = [
            ("erasure", str(begun.erasure.id)),
            ("state", painted(begun.erasure.state, _STATES)),
            ("receipt token", Text(begun.receipt_token, "bold")),
            ("", Text("keep it: with `matchcut receipt get` it serves when nobody can sign in any more", "dim")),
        ]
        console.show(begun.model_dump(mode="json"), Record(pairs))


def _must_be_ours(console: Console, client: Matchcut, name: str, yes: bool) -> None:
    """Say what would go, and have its name typed once more: there is no way back, and nobody left to ask."""
    ours = client.me().tenant
    if ours != name:
        raise UsageFault(f"we are signed in to the tenant {ours!r}, not {name!r}: nothing was erased")
    if yes:
        return
    people = sum(1 for _ in client.users())
    where = f"the tenant {escape(name)} at {escape(client.url)}"
    console.say(f"[bold red]This erases {where}, for good:[/]")
    console.say(f"all its films, scripts, results, webhooks and keys, and the sign-ins of its people ({people}).")
    if typer.prompt("Type its name to go on", err=True, default="", show_default=False) != name:
        raise UsageFault("that is not its name: nothing was erased")


def _line(one: Erasure) -> tuple[Cell, ...]:
    state = painted(one.state, _STATES)
    return str(one.id), minute(one.requested_at), state, f"{one.kind} {one.subject_id}", " ".join(one.awaited)


def _entry(entry: AuditEntry) -> tuple[Cell, ...]:
    ended = f"{entry.outcome} {entry.status or ''}".rstrip()
    outcome = Text(ended, _COLOUR[entry.outcome])
    who = str(entry.key_id or entry.user_id or "")
    return moment(entry.at), entry.action, outcome, who, entry.address, entry.resource


def _show_integrity(console: Console, found: AuditIntegrity) -> None:
    said = (
        f"{found.lines} lines under {found.seals} seals are {found.state}; {found.forgotten} seals outlive their lines"
    )
    console.show(found.model_dump(mode="json"), f"{said}\nnewest digest: {found.digest}")
    if found.state == "broken":
        raise PartFailed(f"the audit is not what was written, from seal {found.broken_at} on")


def must_be_meant(what: str, yes: bool) -> None:
    """Ask whether it is meant, unless that was said."""
    if not yes:
        typer.confirm(f"Erase {what} for good?", abort=True, err=True)


def tell_erasure(console: Console, erasure: Erasure) -> None:
    """Who has deleted what, who is waited for, and where the receipt is."""
    about = Record(
        [
            ("erasure", str(erasure.id)),
            ("of", f"{erasure.kind} {erasure.subject_id}"),
            ("state", painted(erasure.state, _STATES)),
            ("asked for", moment(erasure.requested_at)),
            ("completed", moment(erasure.completed_at)),
        ]
    )
    rows: list[tuple[Cell, ...]] = [
        (one.service, moment(one.answered_at), counts(one.rows), counts(one.blobs)) for one in erasure.answers
    ]
    rows += [(service, Text("not yet", "yellow"), "", "") for service in erasure.awaited]
    table = Rows(("service", "when", "rows", "files"), rows, cut={"rows": "wrap", "files": "wrap"})
    console.show(erasure.model_dump(mode="json"), about, table)
    if erasure.receipt and not console.as_json:
        console.say(f"\n[dim]its receipt: matchcut receipt get {erasure.id}[/]")
