"""``/v1/webhooks``: who is told of what, and what became of each message."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from chassis.database import UnitOfWork
from gateway.api.context import Given, needs
from gateway.api.once import OnlyOnce
from gateway.api.pages import Page, Paged, page_of
from gateway.api.preconditions import IfMatch
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.api.webhook_schemas import (
    DeliveryView,
    NewWebhook,
    Replayed,
    ReplayRequest,
    RotateRequest,
    StateFilter,
    WebhookChange,
    WebhookRequest,
    WebhookView,
    delivery_view,
    new_webhook_view,
    webhook_view,
)
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import (
    ChangedMeanwhile,
    IdempotencyKeyReused,
    InvalidRequest,
    NotFound,
    TooManyWebhooks,
    WebhookOff,
)
from gateway.domain.webhooks import Webhook
from gateway.usecases.webhooks import WebhookOrder

__all__ = ["router"]

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
Reader = Annotated[Caller, needs(Right.WEBHOOKS_READ)]
Writer = Annotated[Caller, needs(Right.WEBHOOKS_WRITE)]
_AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": NewWebhook, "description": "It was there before; its secret is not shown again"}
}


@router.post(
    "",
    status_code=201,
    response_model=NewWebhook,
    responses={**_AGAIN, **responses(InvalidRequest, TooManyWebhooks, IdempotencyKeyReused)},
)
async def register_webhook(body: WebhookRequest, given: Given, once: OnlyOnce, caller: Writer) -> Response:
    """Have events told to an address. The same address and events again answer the webhook that is there."""
    await given.webhooks.require_reachable(body.url)
    order = WebhookOrder(url=body.url, events=body.events, description=body.description)
    status = 201

    async def register(work: UnitOfWork) -> NewWebhook:
        nonlocal status
        webhook, secret = await given.webhooks.register(work, order)
        status = 200 if secret is None else 201
        return new_webhook_view(webhook, now=_now(), secret=secret)

    return await once(caller, register, status=lambda: status, secret=True)


@router.get("", response_model=Page[WebhookView])
async def list_webhooks(request: Request, given: Given, paged: Paged, caller: Reader) -> Response:
    """The newest webhooks."""
    found = await given.webhooks.page(caller, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, _view))


@router.get("/{webhook_id}", response_model=WebhookView, responses=responses(NotFound))
async def read_webhook(webhook_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """One webhook."""
    return json_response(request, _view(await given.webhooks.get(caller, webhook_id)))


@router.patch(
    "/{webhook_id}", response_model=WebhookView, responses=responses(NotFound, InvalidRequest, ChangedMeanwhile)
)
async def change_webhook(
    webhook_id: UUID, body: WebhookChange, request: Request, given: Given, caller: Writer, match: IfMatch
) -> Response:
    """Change address, events or description; disable it, or enable it again."""

    def unless(webhook: Webhook) -> None:
        match.require(_view(webhook))

    await given.webhooks.get(caller, webhook_id)
    await given.webhooks.require_reachable(body.url)
    order = WebhookOrder(url=body.url, events=body.events, description=body.description, enabled=body.enabled)
    return json_response(request, _view(await given.webhooks.change(caller, webhook_id, order, unless=unless)))


@router.delete("/{webhook_id}", status_code=204, responses=responses(NotFound, ChangedMeanwhile))
async def remove_webhook(webhook_id: UUID, given: Given, caller: Writer, match: IfMatch) -> None:
    """Forget a webhook, its keys and all it was sent."""
    await given.webhooks.remove(caller, webhook_id, unless=lambda webhook: match.require(_view(webhook)))


@router.post("/{webhook_id}/rotate", response_model=NewWebhook, responses=responses(NotFound, IdempotencyKeyReused))
async def rotate_webhook(
    webhook_id: UUID, body: RotateRequest, given: Given, once: OnlyOnce, caller: Writer
) -> Response:
    """Get a new secret and a new key pair. Messages carry the signatures of old and new while they overlap."""

    async def rotate(work: UnitOfWork) -> NewWebhook:
        webhook, secret = await given.webhooks.rotate(work, webhook_id, overlap=timedelta(seconds=body.overlap_s))
        return new_webhook_view(webhook, now=_now(), secret=secret)

    return await once(caller, rotate, status=200, secret=True)


@router.post(
    "/{webhook_id}/ping",
    status_code=202,
    response_model=DeliveryView,
    responses=responses(NotFound, WebhookOff, IdempotencyKeyReused),
)
async def ping_webhook(webhook_id: UUID, given: Given, once: OnlyOnce, caller: Writer) -> Response:
    """Send a `webhook.ping`; read the delivery to see how it went."""

    async def ping(work: UnitOfWork) -> DeliveryView:
        return delivery_view(await given.webhooks.ping(work, webhook_id))

    return await once(caller, ping, status=202)


@router.post(
    "/{webhook_id}/replay",
    status_code=202,
    response_model=Replayed,
    responses=responses(NotFound, WebhookOff, IdempotencyKeyReused),
)
async def replay_failed(
    webhook_id: UUID, body: ReplayRequest, given: Given, once: OnlyOnce, caller: Writer
) -> Response:
    """Send everything again that failed since a moment."""

    async def replay(work: UnitOfWork) -> Replayed:
        return Replayed(replayed=await given.webhooks.replay_failed(work, webhook_id, since=body.since))

    return await once(caller, replay, status=202)


@router.get("/{webhook_id}/deliveries", response_model=Page[DeliveryView], responses=responses(NotFound))
async def list_deliveries(
    webhook_id: UUID,
    request: Request,
    given: Given,
    paged: Paged,
    caller: Reader,
    state: Annotated[StateFilter | None, Query(description="Only those in this state.")] = None,
) -> Response:
    """The newest messages to a webhook. They are kept for 30 days."""
    found = await given.webhooks.deliveries(caller, webhook_id, state=state, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, delivery_view))


@router.get("/{webhook_id}/deliveries/{delivery_id}", response_model=DeliveryView, responses=responses(NotFound))
async def read_delivery(
    webhook_id: UUID, delivery_id: UUID, request: Request, given: Given, caller: Reader
) -> Response:
    """One message and how it went."""
    return json_response(request, delivery_view(await given.webhooks.delivery(caller, webhook_id, delivery_id)))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    response_model=DeliveryView,
    responses=responses(NotFound, WebhookOff, IdempotencyKeyReused),
)
async def replay_delivery(
    webhook_id: UUID, delivery_id: UUID, given: Given, once: OnlyOnce, caller: Writer
) -> Response:
    """Send a message again, whatever became of it; its `webhook-id` stays the same."""

    async def replay(work: UnitOfWork) -> DeliveryView:
        return delivery_view(await given.webhooks.replay(work, webhook_id, delivery_id))

    return await once(caller, replay, status=202)


def _view(webhook: Webhook) -> WebhookView:
    return webhook_view(webhook, now=_now())


def _now() -> datetime:
    return datetime.now(UTC)
