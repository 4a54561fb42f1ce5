"""``matchcut user`` and ``matchcut key``: who may do what, people and programs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.text import Text

from matchcut.client import ApiKey, Invitation, Matchcut, User, accept_invitation
from matchcut.client.people import Role
from matchcut.commands.choices import AsJson, Data
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, exit_codes
from matchcut.launcher import DataFolder
from matchcut.tables import Cell, Record, Rows, minute, moment, painted

__all__ = ["keys", "users"]

users = typer.Typer(help="The people of our tenant.", no_args_is_help=True, epilog=EPILOG)
keys = typer.Typer(help="API keys: what programs sign in with.", no_args_is_help=True, epilog=EPILOG)
UserId = Annotated[UUID, typer.Argument(help="Id of the user.")]
KeyId = Annotated[UUID, typer.Argument(help="Id of the key.")]
Became = Annotated[Role, typer.Argument(help="owner, admin, editor, viewer, runner or ops.")]

_COLOUR = {"active": "green", "invited": "cyan", "disabled": "red", "revoked": "red", "expired": "yellow"}


@users.command("list", epilog=EPILOG)
def list_users(data: Data = None, as_json: AsJson = False) -> None:
    """Everybody, newest first."""
    with _client(data, as_json) as (console, client):
        found = list(client.users())
        console.show([_plain(one) for one in found], _table(found))


@users.command("invite", epilog=EPILOG)
def invite(
    email: Annotated[str, typer.Argument(help="What they sign in with.")],
    role: Became,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Invite somebody. Nothing is mailed: hand them the invitation, which is printed this once."""
    with _client(data, as_json) as (console, client):
        _show_invitation(console, client, client.invite(email, role))


@users.command("invite-again", epilog=EPILOG)
def invite_again(user_id: UserId, data: Data = None, as_json: AsJson = False) -> None:
    """Let somebody choose a new password. An invitation before this one is void."""
    with _client(data, as_json) as (console, client):
        _show_invitation(console, client, client.invite_again(user_id))


@users.command("accept", epilog=EPILOG)
def accept(
    url: Annotated[str, typer.Argument(help="Where Matchcut is.", envvar="MATCHCUT_URL")],
    invitation: Annotated[
        str, typer.Option(prompt=True, hide_input=True, help="What the invitation says; asked for if absent.")
    ],
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for if absent.")
    ],
) -> None:
    """Choose a password by an invitation; nobody has to be signed in."""
    console = Console()
    with exit_codes(console):
        accept_invitation(url, invitation, password)
        console.say("the password is set: sign in with it")


@users.command("role", epilog=EPILOG)
def change_role(user_id: UserId, role: Became, data: Data = None, as_json: AsJson = False) -> None:
    """Give somebody another role. They are signed out everywhere."""
    with _client(data, as_json) as (console, client):
        changed = client.change_user(user_id, role=role)
        console.show(_plain(changed), _table([changed]))


@users.command("disable", epilog=EPILOG)
def disable(user_id: UserId, data: Data = None, as_json: AsJson = False) -> None:
    """Let somebody in no more, nor their keys, until they are enabled."""
    with _client(data, as_json) as (console, client):
        changed = client.change_user(user_id, disabled=True)
        console.show(_plain(changed), _table([changed]))


@users.command("enable", epilog=EPILOG)
def enable(user_id: UserId, data: Data = None, as_json: AsJson = False) -> None:
    """Let somebody in again."""
    with _client(data, as_json) as (console, client):
        changed = client.change_user(user_id, disabled=False)
        console.show(_plain(changed), _table([changed]))


@users.command("sessions", epilog=EPILOG)
def sessions(
    user_id: Annotated[UUID | None, typer.Argument(help="Id of the user; ourselves if absent.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Where somebody is signed in."""
    with _client(data, as_json) as (console, client):
        found = client.sessions(user_id)
        rows = [
            (str(one.id), minute(one.used_at), one.address, one.agent + (" (this one)" if one.current else ""))
            for one in found
        ]
        table = Rows(("session", "last used", "from", "by"), rows, cut={"by": "head"})
        console.show([one.model_dump(mode="json") for one in found], table if found else "signed in nowhere")


@users.command("sign-out", epilog=EPILOG)
def sign_out(user_id: UserId, data: Data = None, as_json: AsJson = False) -> None:
    """Sign somebody out everywhere."""
    with _client(data, as_json) as (console, client):
        client.end_sessions(user_id)
        console.show({"signed_out": str(user_id)}, f"{user_id} is signed out everywhere")


@keys.command("list", epilog=EPILOG)
def list_keys(data: Data = None, as_json: AsJson = False) -> None:
    """All keys, newest first."""
    with _client(data, as_json) as (console, client):
        found = list(client.api_keys())
        console.show([one.model_dump(mode="json") for one in found], _keys(found) if found else "there is no key")


@keys.command("make", epilog=EPILOG)
def make_key(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option("--scope", "-s", help="What it may do: videos:read. May be repeated.")],
    days: Annotated[int | None, typer.Option(help="It expires after so many.", min=1, show_default="never")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a key for a program. Its secret is printed this once."""
    with _client(data, as_json) as (console, client):
        scopes = [word for each in scope for word in each.replace(",", " ").split()]
        until = None if days is None else datetime.now(UTC) + timedelta(days=days)
        made = client.make_api_key(name, scopes, expires_at=until)
        pairs: list[tuple[str, Cell | None]] = [
            ("key", str(made.api_key.id)),
            ("for", made.api_key.name),
            ("may", " ".join(made.api_key.scopes)),
            ("expires", moment(made.api_key.expires_at) or "never"),
            ("secret", Text(made.secret, "bold")),
            ("", Text("it is not shown again", "dim")),
        ]
        console.show(made.model_dump(mode="json"), Record(pairs))


@keys.command("revoke", epilog=EPILOG)
def revoke_key(key_id: KeyId, data: Data = None, as_json: AsJson = False) -> None:
    """Make a key worthless, at once and for good."""
    with _client(data, as_json) as (console, client):
        client.revoke_api_key(key_id)
        console.show({"revoked": str(key_id)}, f"revoked {key_id}")


@keys.command("scopes", epilog=EPILOG)
def scopes(data: Data = None, as_json: AsJson = False) -> None:
    """What a key of ours may be allowed: whatever we may do ourselves."""
    with _client(data, as_json) as (console, client):
        rights = sorted(client.me().rights)
        console.show(rights, "\n".join(rights))


def _table(found: list[User]) -> Rows:
    rows = [(str(one.id), painted(one.state, _COLOUR), one.role, one.email) for one in found]
    return Rows(("user", "state", "role", "signs in as"), rows, cut={"signs in as": "head"})


def _keys(found: list[ApiKey]) -> Rows:
    rows = [
        (
            str(one.id),
            painted(one.state, _COLOUR),
            one.prefix,
            minute(one.used_at) or "never",
            minute(one.expires_at),
            one.name,
            " ".join(one.scopes),
        )
        for one in found
    ]
    heading = ("key", "state", "begins", "last used", "expires", "for", "may")
    return Rows(heading, rows, cut={"last used": "head", "expires": "head", "for": "head", "may": "head"})


def _show_invitation(console: Console, client: Matchcut, made: Invitation) -> None:
    pairs: list[tuple[str, Cell | None]] = [
        ("user", str(made.user.id)),
        ("signs in as", made.user.email),
        ("role", made.user.role),
        ("good until", moment(made.expires_at)),
        ("invitation", Text(made.invitation, "bold")),
        ("", Text(f"not shown again; they say: matchcut user accept {client.url}", "dim")),
    ]
    console.show(made.model_dump(mode="json"), Record(pairs))


def _plain(user: User) -> dict[str, object]:
    return user.model_dump(mode="json", exclude={"etag"})


@contextmanager
def _client(data: Path | None, as_json: bool) -> Iterator[tuple[Console, Matchcut]]:
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        yield console, client
