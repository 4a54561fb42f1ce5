"""Erasures as clients see them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.api.schemas import Line
from gateway.domain.erasures import OURSELVES, Erasure, Kind, Reason, State
from gateway.usecases.erase_tenant import TenantErasure

__all__ = ["ErasureAnswer", "ErasureView", "TenantErasureRequest", "TenantErasureView", "erasure_view", "tenant_view"]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_AT = "2026-11-22T16:30:00Z"
_EXAMPLE: dict[str, Any] = {
    "id": _ID,
    "kind": "video",
    "subject_id": _ID,
    "reason": "asked",
    "state": "running",
    "requested_at": _AT,
    "answers": [
        {"service": "transcribe", "answered_at": _AT, "rows": {"transcripts": 1}, "blobs": {"derived/transcript": 1}}
    ],
    "awaited": ["align", "ingest", "upscale", "vision"],
}


class ErasureAnswer(BaseModel):
    """What one service has deleted."""

    service: str
    answered_at: datetime
    rows: dict[str, int] = Field(description="How many rows, by table; `tasks`, `outbox` and `redis` are messages.")
    blobs: dict[str, int] = Field(description="How many files, by class and folder.")


class ErasureView(BaseModel):
    """An erasure, how far it is, and in the end its receipt."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    kind: Kind
    subject_id: UUID
    reason: Reason = Field(description="`asked` for by somebody, or because its `retention` was over.")
    state: State
    requested_at: datetime
    completed_at: datetime | None = None
    answers: tuple[ErasureAnswer, ...] = Field(description="What each service has deleted so far.")
    awaited: tuple[str, ...] = Field(description="Services that have not answered. They are asked again until they do.")
    receipt: str | None = Field(
        default=None,
        description="A JWS (RFC 7515, ES256) that lists what was deleted where and when, without personal data. Verify "
        "it with `GET /.well-known/receipt-keys.json`.",
    )


class TenantErasureRequest(BaseModel):
    """The name of your tenant: to be sure that you mean it."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"name": "Studio North"}]})

    name: Line


class TenantErasureView(BaseModel):
    """The erasure of a tenant, and where its receipt will be when nobody of the tenant is left."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"erasure": {**_EXAMPLE, "kind": "tenant"}, "receipt_token": "AZNj…"}]}
    )

    erasure: ErasureView
    receipt_token: str = Field(
        description="Keep it: it is shown this once. `GET /v1/receipts` with it as the header `Receipt-Token` answers "
        "without signing in."
    )


def erasure_view(erasure: Erasure) -> ErasureView:
    """An erasure; while it runs, without what we keep for it."""
    awaited = erasure.awaited if erasure.state == "running" else ()
    ours = [OURSELVES] if erasure.state == "running" else []
    return ErasureView(
        id=erasure.id,
        kind=erasure.kind,
        subject_id=erasure.subject_id,
        reason=erasure.reason,
        state=erasure.state,
        requested_at=erasure.requested_at,
        completed_at=erasure.completed_at,
        answers=tuple(
            ErasureAnswer(
                service=answer.service,
                answered_at=answer.answered_at,
                rows=dict(answer.rows),
                blobs=dict(answer.blobs),
            )
            for answer in erasure.answers
        ),
        awaited=tuple(sorted(awaited)) + tuple(ours),
        receipt=erasure.receipt,
    )


def tenant_view(begun: TenantErasure) -> TenantErasureView:
    """The erasure of a tenant."""
    return TenantErasureView(erasure=erasure_view(begun.erasure), receipt_token=begun.receipt_token)
