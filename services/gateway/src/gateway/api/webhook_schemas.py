"""Webhooks as clients see them."""

import json
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.api.schemas import Line, Moment
from gateway.domain.notices import EventType
from gateway.domain.webhooks import Delivery, DeliveryState, Webhook

__all__ = [
    "DeliveryView",
    "NewWebhook",
    "ReplayRequest",
    "Replayed",
    "RotateRequest",
    "WebhookChange",
    "WebhookRequest",
    "WebhookView",
    "delivery_view",
    "new_webhook_view",
    "webhook_view",
]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_AT = "2026-11-22T16:30:00Z"
_URL = "https://n8n.example.org/webhook/matchcut"
_PUBLIC = "whpk_MCowBQYDK2VwAyEAy0bW0yZs0Wm3Yp2kz0n6b1p9yI1cS5o="
_LONGEST_OVERLAP = int(timedelta(days=7).total_seconds())

Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048, pattern=r"^[\x21-\x7e]+$"),
    Field(description="Where to POST. https, a public address, no redirect.", examples=[_URL]),
]
Events = Annotated[
    tuple[EventType, ...], Field(min_length=1, max_length=50, description="What to tell of; see `webhooks` below.")
]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WebhookRequest(_Asked):
    """An address that wants to hear of certain events."""

    model_config = _Asked.model_config | ConfigDict(
        json_schema_extra={"examples": [{"url": _URL, "events": ["job.finished", "job.failed"]}]}
    )

    url: Url
    events: Events
    description: Line | None = None


class WebhookChange(_Asked):
    """What is to change; what is absent stays."""

    model_config = _Asked.model_config | ConfigDict(json_schema_extra={"examples": [{"enabled": True}]})

    url: Url | None = None
    events: Events | None = None
    description: Line | None = None
    enabled: bool | None = Field(
        default=None, strict=True, description="A webhook that was disabled can be enabled again."
    )

    @model_validator(mode="after")
    def _changes_something(self) -> "WebhookChange":
        if not self.model_fields_set:
            raise ValueError("name at least one of url, events, description and enabled")
        return self


class RotateRequest(_Asked):
    """How to change keys."""

    model_config = _Asked.model_config | ConfigDict(json_schema_extra={"examples": [{"overlap_s": 86_400}]})

    overlap_s: int = Field(
        default=86_400,
        strict=True,
        ge=0,
        le=_LONGEST_OVERLAP,
        description="For so long the old keys sign along with the new one.",
    )


class ReplayRequest(_Asked):
    """From when on."""

    model_config = _Asked.model_config | ConfigDict(json_schema_extra={"examples": [{"since": _AT}]})

    since: Moment = Field(description="Failed deliveries recorded at or after this moment are sent again.")


class WebhookView(BaseModel):
    """A webhook, without its secret."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _ID,
                    "url": _URL,
                    "events": ["job.failed", "job.finished"],
                    "enabled": True,
                    "public_keys": [_PUBLIC],
                    "created_at": _AT,
                }
            ]
        }
    )

    id: UUID
    url: str
    events: tuple[EventType, ...]
    description: str | None = None
    enabled: bool
    disabled_reason: str | None = None
    failing_since: datetime | None = Field(
        default=None, description="The first failure after the last success; null while deliveries arrive."
    )
    public_keys: tuple[str, ...] = Field(
        description="`whpk_…`, for those who verify `v1a` (ed25519) signatures. The newest first, all that sign now."
    )
    created_at: datetime


class NewWebhook(WebhookView):
    """A webhook with its secret, which is shown this once."""

    secret: str | None = Field(
        default=None,
        description="`whsec_…`, to verify `v1` (HMAC-SHA256) signatures. Null if the webhook had been there before.",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDAMc+OyTmcHs="],
    )


class DeliveryView(BaseModel):
    """One message and how it went."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _ID,
                    "webhook_id": _ID,
                    "message_id": "msg_019363a08c1e7b529d0f3a6c2f1e5b77",
                    "type": "job.finished",
                    "state": "pending",
                    "attempts": 2,
                    "status": 500,
                    "error": "it answered 500",
                    "next_attempt_at": _AT,
                    "created_at": _AT,
                    "payload": {"type": "job.finished", "timestamp": _AT, "data": {"job_id": _ID}},
                }
            ]
        }
    )

    id: UUID
    webhook_id: UUID
    message_id: str = Field(description="The header `webhook-id`: the same for every try and replay.")
    type: EventType
    state: DeliveryState
    attempts: int
    status: int | None = Field(default=None, description="What the receiver last answered; null if nothing came.")
    error: str | None = None
    seconds: float | None = Field(default=None, description="How long the last try took.")
    attempted_at: datetime | None = None
    next_attempt_at: datetime | None = None
    created_at: datetime
    payload: dict[str, Any]


class Replayed(BaseModel):
    """How many messages will be sent again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"replayed": 17}]})

    replayed: int


StateFilter = Literal["pending", "delivered", "failed"]


def webhook_view(webhook: Webhook, *, now: datetime) -> WebhookView:
    """A webhook, without its secrets."""
    return WebhookView.model_validate(_fields(webhook, now))


def new_webhook_view(webhook: Webhook, *, now: datetime, secret: str | None) -> NewWebhook:
    """A webhook as it is answered when its newest key was just made."""
    return NewWebhook.model_validate({**_fields(webhook, now), "secret": secret})


def _fields(webhook: Webhook, now: datetime) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": webhook.events,
        "description": webhook.description,
        "enabled": webhook.enabled,
        "disabled_reason": webhook.disabled_reason,
        "failing_since": webhook.failing_since,
        "public_keys": [key.public_key for key in webhook.live_keys(now)],
        "created_at": webhook.created_at,
    }


def delivery_view(delivery: Delivery) -> DeliveryView:
    """A delivery with the message it carries."""
    return DeliveryView(
        id=delivery.id,
        webhook_id=delivery.webhook_id,
        message_id=delivery.message_id,
        type=EventType(delivery.type),
        state=delivery.state,
        attempts=delivery.attempts,
        status=delivery.status,
        error=delivery.error,
        seconds=delivery.seconds,
        attempted_at=delivery.attempted_at,
        next_attempt_at=delivery.next_attempt_at,
        created_at=delivery.created_at,
        payload=json.loads(delivery.body),
    )
