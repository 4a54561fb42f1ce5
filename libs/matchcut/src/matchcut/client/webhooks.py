"""Webhooks as methods: ``matchcut.webhooks``."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict

from matchcut.client.unchanged import Tagged, if_match, tagged

__all__ = ["Delivery", "Webhook", "Webhooks"]

M = TypeVar("M", bound=BaseModel)


class _Resource(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Webhook(Tagged, _Resource):
    """An address that is told of events. ``secret`` is there only when it was just made."""

    id: UUID
    url: str
    events: tuple[str, ...]
    description: str | None = None
    enabled: bool = True
    disabled_reason: str | None = None
    failing_since: datetime | None = None
    public_keys: tuple[str, ...] = ()
    secret: str | None = None
    created_at: datetime | None = None


class Delivery(_Resource):
    """One message to a webhook, and how it went."""

    id: UUID
    webhook_id: UUID
    message_id: str
    type: str
    state: Literal["pending", "delivered", "failed"]
    attempts: int = 0
    status: int | None = None
    error: str | None = None
    seconds: float | None = None
    attempted_at: datetime | None = None
    next_attempt_at: datetime | None = None
    created_at: datetime | None = None
    payload: dict[str, Any] = {}


class _Replayed(_Resource):
    replayed: int


class Transport(Protocol):
    """How requests are made: with a token, and patience."""

    def get(self, kind: type[M], path: str) -> M:
        """One resource."""

    def post(self, kind: type[M], path: str, body: dict[str, Any]) -> M:
        """What came of a POST that may be repeated."""

    def pages(self, kind: type[M], path: str, **query: str) -> Iterator[M]:
        """All of a list."""

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any other request."""


class Webhooks:
    """What one may do with webhooks; it takes an owner or an admin."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, url: str, events: Sequence[str], *, description: str | None = None) -> Webhook:
        """Have events told to ``url``. Repeating it gives the same webhook, and its secret only the first time."""
        wanted: dict[str, Any] = {"url": url, "events": list(events)}
        if description is not None:
            wanted["description"] = description
        return self._transport.post(Webhook, "/v1/webhooks", wanted)

    def list(self) -> Iterator[Webhook]:
        """All webhooks, newest first."""
        return self._transport.pages(Webhook, "/v1/webhooks")

    def get(self, webhook_id: UUID) -> Webhook:
        """One webhook."""
        return self._transport.get(Webhook, f"/v1/webhooks/{webhook_id}")

    def change(
        self,
        webhook_id: UUID,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
        etag: str | None = None,
    ) -> Webhook:
        """Change what is given; ``enabled=True`` brings back one that was disabled.

        With the ``etag`` that was read, only if nobody else has changed it: raises Changed.
        """
        given = {
            "url": url,
            "events": None if events is None else [*events],
            "description": description,
            "enabled": enabled,
        }
        body = {name: value for name, value in given.items() if value is not None}
        headers = if_match(etag)
        return tagged(Webhook, self._transport.send("PATCH", f"/v1/webhooks/{webhook_id}", json=body, headers=headers))

    def delete(self, webhook_id: UUID, *, etag: str | None = None) -> None:
        """Forget a webhook and all it was sent."""
        self._transport.send("DELETE", f"/v1/webhooks/{webhook_id}", headers=if_match(etag))

    def rotate(self, webhook_id: UUID, *, overlap_s: int = 86_400) -> Webhook:
        """A new secret, beside which the old one is good for ``overlap_s`` more seconds."""
        return self._transport.post(Webhook, f"/v1/webhooks/{webhook_id}/rotate", {"overlap_s": overlap_s})

    def ping(self, webhook_id: UUID) -> Delivery:
        """Send a message that says nothing."""
        return self._transport.post(Delivery, f"/v1/webhooks/{webhook_id}/ping", {})

    def deliveries(
        self, webhook_id: UUID, *, state: Literal["pending", "delivered", "failed"] | None = None
    ) -> Iterator[Delivery]:
        """Messages to a webhook, newest first."""
        query = {} if state is None else {"state": str(state)}
        return self._transport.pages(Delivery, f"/v1/webhooks/{webhook_id}/deliveries", **query)

    def delivery(self, webhook_id: UUID, delivery_id: UUID) -> Delivery:
        """One message as it stands."""
        return self._transport.get(Delivery, f"/v1/webhooks/{webhook_id}/deliveries/{delivery_id}")

    def replay(self, webhook_id: UUID, delivery_id: UUID) -> Delivery:
        """Send a message again."""
        return self._transport.post(Delivery, f"/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", {})

    def replay_failed(self, webhook_id: UUID, *, since: datetime) -> int:
        """Send again everything that failed since then (a time with its zone); returns how many."""
        body = {"since": since.isoformat()}
        return self._transport.post(_Replayed, f"/v1/webhooks/{webhook_id}/replay", body).replayed
