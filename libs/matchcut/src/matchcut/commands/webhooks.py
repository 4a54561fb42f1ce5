"""``matchcut webhook add|list|show|on|off|rotate|remove|ping|deliveries|replay``: who is told of events."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Literal
from uuid import UUID

import typer
from rich.text import Text

from matchcut.client import Delivery, Webhook, Webhooks
from matchcut.commands.asking import age
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, exit_codes
from matchcut.launcher import DataFolder
from matchcut.tables import Cell, Record, Rows, moment, painted

__all__ = ["app"]

app = typer.Typer(help="Webhooks: who is told of events.", no_args_is_help=True, epilog=EPILOG)
WebhookId = Annotated[UUID, typer.Argument(help="Id of the webhook.")]
State = Literal["pending", "delivered", "failed"]

_COLOUR = {"delivered": "green", "failed": "red", "pending": "cyan"}


@app.command("add", epilog=EPILOG)
def add(
    url: Annotated[str, typer.Argument(help="Where messages go; https unless the operator allows otherwise.")],
    event: Annotated[list[str], typer.Option("--event", "-e", help="Such as job.finished; may be repeated.")],
    description: Annotated[str | None, typer.Option(help="For people.", show_default=False)] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Have events told to an address. The secret that signs messages is printed this once."""
    with _webhooks(data, as_json) as (console, webhooks):
        _show(console, webhooks.create(url, event, description=description))


@app.command("list", epilog=EPILOG)
def list_webhooks(data: Data = None, as_json: AsJson = False) -> None:
    """All webhooks, newest first."""
    with _webhooks(data, as_json) as (console, webhooks):
        found = list(webhooks.list())
        rows = [(str(one.id), _state(one), one.url, " ".join(one.events)) for one in found]
        table = Rows(("webhook", "state", "address", "events"), rows, cut={"address": "head", "events": "head"})
        console.show([webhook.model_dump(mode="json") for webhook in found], table if found else "there is no webhook")


@app.command("show", epilog=EPILOG)
def show(webhook_id: WebhookId, data: Data = None, as_json: AsJson = False) -> None:
    """One webhook, with the public keys that verify its messages."""
    with _webhooks(data, as_json) as (console, webhooks):
        _show(console, webhooks.get(webhook_id))


@app.command("on", epilog=EPILOG)
def on(webhook_id: WebhookId, data: Data = None, as_json: AsJson = False) -> None:
    """Send to it again, after it was disabled."""
    with _webhooks(data, as_json) as (console, webhooks):
        _show(console, webhooks.change(webhook_id, enabled=True))


@app.command("off", epilog=EPILOG)
def off(webhook_id: WebhookId, data: Data = None, as_json: AsJson = False) -> None:
    """Send it nothing for now."""
    with _webhooks(data, as_json) as (console, webhooks):
        _show(console, webhooks.change(webhook_id, enabled=False))


@app.command("rotate", epilog=EPILOG)
def rotate(
    webhook_id: WebhookId,
    overlap: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, help="How long the old secret is good for.")
    ] = 86_400,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """A new secret, printed this once; for a while messages are signed with both."""
    with _webhooks(data, as_json) as (console, webhooks):
        _show(console, webhooks.rotate(webhook_id, overlap_s=overlap))


@app.command("remove", epilog=EPILOG)
def remove(webhook_id: WebhookId, data: Data = None, as_json: AsJson = False) -> None:
    """Forget a webhook and all it was sent."""
    with _webhooks(data, as_json) as (console, webhooks):
        webhooks.delete(webhook_id)
        console.show({"removed": str(webhook_id)}, f"removed {webhook_id}")


@app.command("ping", epilog=EPILOG)
def ping(webhook_id: WebhookId, data: Data = None, as_json: AsJson = False) -> None:
    """Send it a message that says nothing; `deliveries` tells how that went."""
    with _webhooks(data, as_json) as (console, webhooks):
        delivery = webhooks.ping(webhook_id)
        console.show(delivery.model_dump(mode="json"), _table([delivery]))


@app.command("deliveries", epilog=EPILOG)
def deliveries(
    webhook_id: WebhookId,
    state: Annotated[State | None, typer.Option(help="Only these.", show_default="all")] = None,
    limit: Newest = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What it was sent, newest first, and how that went."""
    with _webhooks(data, as_json) as (console, webhooks):
        found = list(islice(webhooks.deliveries(webhook_id, state=state), limit))
        console.show(
            [delivery.model_dump(mode="json") for delivery in found],
            _table(found) if found else "no message is like that",
        )


@app.command("replay", epilog=EPILOG)
def replay(
    webhook_id: WebhookId,
    delivery_id: Annotated[
        UUID | None, typer.Argument(help="One message; else all that failed.", show_default=False)
    ] = None,
    hours: Annotated[float, typer.Option(help="Of the last hours.", min=0)] = 72.0,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Send a message again, or everything that failed of late."""
    with _webhooks(data, as_json) as (console, webhooks):
        if delivery_id is not None:
            delivery = webhooks.replay(webhook_id, delivery_id)
            console.show(delivery.model_dump(mode="json"), _table([delivery]))
            return
        count = webhooks.replay_failed(webhook_id, since=datetime.now(UTC) - timedelta(hours=hours))
        console.show({"replayed": count}, f"[b]{count:,}[/] will be sent again")


@contextmanager
def _webhooks(data: Data, as_json: bool) -> Iterator[tuple[Console, Webhooks]]:
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        yield console, client.webhooks


def _state(webhook: Webhook) -> Text:
    if webhook.enabled:
        return Text("failing", "yellow") if webhook.failing_since else Text("on", "green")
    return Text(f"off {webhook.disabled_reason or ''}".rstrip(), "red")


def _show(console: Console, webhook: Webhook) -> None:
    pairs: list[tuple[str, Cell | None]] = [
        ("webhook", str(webhook.id)),
        ("state", _state(webhook)),
        ("failing since", moment(webhook.failing_since)),
        ("address", webhook.url),
        ("events", " ".join(webhook.events)),
        ("description", webhook.description),
        *(("public key", key) for key in webhook.public_keys),
        ("secret", Text(webhook.secret, "bold") if webhook.secret else None),
        ("", Text("the secret is not shown again", "dim") if webhook.secret else None),
    ]
    console.show(webhook.model_dump(mode="json"), Record(pairs))


def _table(found: list[Delivery]) -> Rows:
    rows: list[tuple[Cell, ...]] = []
    now = datetime.now(UTC)
    for one in found:
        answer = str(one.status or "") + (f" {one.error}" if one.error else "")
        due = age(max(0.0, (one.next_attempt_at - now).total_seconds())) if one.next_attempt_at else ""
        rows.append((str(one.id), painted(one.state, _COLOUR), str(one.attempts), due, one.type, answer.strip()))
    heading = ("message", "state", "tries", "next", "event", "answer")
    return Rows(heading, rows, cut={"event": "head", "answer": "head"}, right=("tries",))
