"""``matchcut audit`` and ``matchcut erase``: who did what, and what is no more."""

from datetime import datetime
from itertools import islice
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from matchcut.client import Erasure
from matchcut.client.compliance import AuditIntegrity, Outcome
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, PartFailed, exit_codes
from matchcut.launcher import DataFolder

__all__ = ["audit", "erase"]

erase = typer.Typer(help="Erase for good, in every service, and get a receipt.", no_args_is_help=True, epilog=EPILOG)
Sure = Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")]

_COLOUR = {"done": "green", "refused": "yellow", "failed": "red"}


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
        table = Table("when", "what", "to", "outcome", "who", "from")
        for entry in entries:
            ended = f"[{_COLOUR[entry.outcome]}]{entry.outcome}[/]" + (f" {entry.status}" if entry.status else "")
            who = str(entry.key_id or entry.user_id or "")
            table.add_row(f"{entry.at:%F %T}", entry.action, entry.resource, ended, who, entry.address)
        console.show([entry.model_dump(mode="json") for entry in entries], table)


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
        _must_be_meant(f"video {video_id}", yes)
        _show(console, client.erase_video(video_id))


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
        _must_be_meant(f"script {script_id}", yes)
        _show(console, client.erase_script(script_id))


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
        table = Table("erasure", "of", "id", "asked for", "state", "waits for")
        for one in erasures:
            asked = f"{one.requested_at:%F %T}"
            table.add_row(str(one.id), one.kind, str(one.subject_id), asked, one.state, " ".join(one.awaited))
        console.show([one.model_dump(mode="json") for one in erasures], table)


@erase.command("show", epilog=EPILOG)
def show_erasure(
    erasure_id: Annotated[UUID, typer.Argument(help="Id of the erasure.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What each service has deleted, and the receipt."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        _show(console, client.erasure(erasure_id))


@erase.command("user", epilog=EPILOG)
def erase_user(
    user_id: Annotated[UUID, typer.Argument(help="Id of the user.")],
    yes: Sure = False,
    data: Data = None,
) -> None:
    """Erase a user with their sessions and keys; what they corrected stays, as nobody's."""
    console = Console()
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        _must_be_meant(f"user {user_id}", yes)
        client.remove_user(user_id)
        console.say(f"user {user_id} is erased: see `matchcut erase list`")


@erase.command("tenant", epilog=EPILOG)
def erase_tenant(
    name: Annotated[str, typer.Argument(help="The name of our tenant, to be sure.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Erase our tenant with everything and everybody. Keep the token that is shown: with it the receipt can be had."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        begun = client.erase_tenant(name)
        console.show(begun.model_dump(mode="json"), f"receipt token: {begun.receipt_token}")


def _show_integrity(console: Console, found: AuditIntegrity) -> None:
    said = (
        f"{found.lines} lines under {found.seals} seals are {found.state}; {found.forgotten} seals outlive their lines"
    )
    console.show(found.model_dump(mode="json"), f"{said}\nnewest digest: {found.digest}")
    if found.state == "broken":
        raise PartFailed(f"the audit is not what was written, from seal {found.broken_at} on")


def _must_be_meant(what: str, yes: bool) -> None:
    if not yes:
        typer.confirm(f"Erase {what} for good?", abort=True, err=True)


def _show(console: Console, erasure: Erasure) -> None:
    table = Table("service", "when", "rows", "files", title=f"erasure {erasure.id}: {erasure.state}")
    for answer in erasure.answers:
        rows, files = ("  ".join(f"{name} {count}" for name, count in of.items()) for of in (answer.rows, answer.blobs))
        table.add_row(answer.service, f"{answer.answered_at:%F %T}", rows, files)
    for service in erasure.awaited:
        table.add_row(service, "[yellow]not yet[/]", "", "")
    console.show(erasure.model_dump(mode="json"), table)
    if erasure.receipt:
        console.say(f"receipt: {erasure.receipt}")
