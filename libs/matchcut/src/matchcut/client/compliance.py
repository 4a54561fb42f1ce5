"""Who did what, and what was erased: the part of the API that people ask for when something has to be proven."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict

from matchcut.client.unchanged import Tagged, if_match, tagged

__all__ = [
    "AuditEntry",
    "AuditIntegrity",
    "Compliance",
    "Erasure",
    "ErasureAnswer",
    "Export",
    "Outcome",
    "Retention",
    "RetentionGoes",
    "RetentionPreview",
    "TenantErasure",
]

M = TypeVar("M", bound=BaseModel)
Outcome = Literal["done", "refused", "failed"]


class _Resource(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AuditEntry(_Resource):
    """Who did what, when, from where, and what came of it."""

    id: UUID
    at: datetime
    action: str
    method: str
    resource: str
    resource_id: UUID | None = None
    outcome: Outcome
    status: int | None = None
    user_id: UUID | None = None
    session_id: UUID | None = None
    key_id: UUID | None = None
    address: str
    agent: str
    trace_id: str
    remark: str | None = None


class AuditIntegrity(_Resource):
    """Whether the audit is what was written."""

    state: Literal["whole", "broken"]
    seals: int
    lines: int
    forgotten: int = 0
    digest: str = ""
    broken_at: int | None = None


class ErasureAnswer(_Resource):
    """What one service has deleted."""

    service: str
    answered_at: datetime
    rows: dict[str, int] = {}
    blobs: dict[str, int] = {}


class Erasure(_Resource):
    """An erasure: who has deleted what, who is waited for, and in the end a receipt (a JWS)."""

    id: UUID
    kind: Literal[
        "video",
        "original",
        "copies",
        "intermediates",
        "results",
        "transcripts",
        "renditions",
        "script",
        "user",
        "tenant",
    ]
    subject_id: UUID
    reason: Literal["asked", "retention"] = "asked"
    state: Literal["running", "completed"]
    requested_at: datetime
    completed_at: datetime | None = None
    answers: tuple[ErasureAnswer, ...] = ()
    awaited: tuple[str, ...] = ()
    receipt: str | None = None


class Retention(Tagged, _Resource):
    """Days after which things are erased by themselves; None is never."""

    videos: int | None = None
    originals: int | None = None
    copies: int | None = None
    intermediates: int | None = None
    results: int | None = None
    transcripts: int | None = None
    renditions: int | None = None
    scripts: int | None = None
    audit: int | None = None
    webhook_deliveries: int | None = None
    exports: int | None = None
    events: int | None = None
    usage: int | None = None


class RetentionGoes(_Resource):
    """Things of one kind that are over their time: how many, some of their ids, and what goes with them."""

    kind: str
    days: int
    count: int
    oldest_at: datetime | None = None
    ids: tuple[UUID, ...] = ()
    what: str = ""


class RetentionPreview(_Resource):
    """What would be erased now, were these the rules."""

    rules: Retention
    goes: tuple[RetentionGoes, ...] = ()


class Export(_Resource):
    """Everything our tenant has, in one file: ``content_url``, once it is ready."""

    id: UUID
    state: Literal["running", "ready", "failed"]
    media: bool = False
    created_at: datetime
    finished_at: datetime | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    reason: str | None = None
    content_url: str | None = None


class TenantErasure(_Resource):
    """The erasure of a tenant. Keep ``receipt_token``: it serves when nobody can sign in any more."""

    erasure: Erasure
    receipt_token: str


class _Calls(Protocol):
    def _get(self, kind: type[M], path: str, **query: Any) -> M: ...
    def _post(self, kind: type[M], path: str, body: Mapping[str, Any]) -> M: ...
    def _pages(self, kind: type[M], path: str, **query: str) -> Iterator[M]: ...
    def _send(self, method: str, path: str, **request: Any) -> httpx.Response: ...


class Compliance:
    """What ``Matchcut`` can prove; it takes an owner or an admin."""

    def audit(
        self: _Calls,
        *,
        user_id: UUID | None = None,
        action: str | None = None,
        resource_id: UUID | None = None,
        outcome: Outcome | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEntry]:
        """Who did what, newest first. Times need a time zone."""
        asked = {
            "user_id": user_id,
            "action": action,
            "resource_id": resource_id,
            "outcome": outcome,
            "since": since and since.isoformat(),
            "until": until and until.isoformat(),
        }
        given = {name: str(value) for name, value in asked.items() if value is not None}
        return self._pages(AuditEntry, "/v1/audit", **given)

    def audit_csv(self: _Calls) -> str:
        """All of it, as a spreadsheet reads it."""
        return self._send("GET", "/v1/audit", params={"format": "csv"}).text

    def verify_audit(self: _Calls) -> AuditIntegrity:
        """Hold every line of it against its seals."""
        return self._get(AuditIntegrity, "/v1/audit/integrity")

    def erase_video(self: _Calls, video_id: UUID) -> Erasure:
        """Have a video and everything made of it deleted, everywhere."""
        answer = self._send("DELETE", f"/v1/videos/{video_id}")
        return self._get(Erasure, answer.headers["location"])

    def erase_script(self: _Calls, script_id: UUID) -> Erasure:
        """Have a script and everything aligned with it deleted, everywhere."""
        return Erasure.model_validate_json(self._send("DELETE", f"/v1/scripts/{script_id}").content)

    def erase_tenant(self: _Calls, name: str) -> TenantErasure:
        """Have our tenant deleted, with everything and everybody. ``name`` is its name, to be sure."""
        return self._post(TenantErasure, "/v1/tenants/current/erasure", {"name": name})

    def erasures(self: _Calls) -> Iterator[Erasure]:
        """All erasures, newest first."""
        return self._pages(Erasure, "/v1/erasures")

    def erasure(self: _Calls, erasure_id: UUID) -> Erasure:
        """One erasure as it stands."""
        return self._get(Erasure, f"/v1/erasures/{erasure_id}")

    def retention(self: _Calls) -> Retention:
        """How long our tenant keeps what."""
        return self._get(Retention, "/v1/retention")

    def preview_retention(self: _Calls, **days: int | None) -> RetentionPreview:
        """What would be erased now, with ``videos=365`` and ``audit=None`` (never), say, for rules. Nothing is."""
        given = {kind: count for kind, count in days.items() if count is not None}
        told = self._get(RetentionPreview, "/v1/retention/preview", **given)
        never = {kind: None for kind in days.keys() - given.keys()}
        rules, goes = told.rules.model_copy(update=never), tuple(one for one in told.goes if one.kind not in never)
        return RetentionPreview(rules=rules, goes=goes)

    def set_retention(self: _Calls, retention: Retention) -> Retention:
        """Set how long our tenant keeps what; what is over its time then is erased, for good.

        What was read and then changed is refused if somebody else has changed it meanwhile: raises Changed.
        """
        body = retention.model_dump(exclude={"etag"})
        return tagged(Retention, self._send("PUT", "/v1/retention", json=body, headers=if_match(retention.etag)))

    def start_export(self: _Calls, *, media: bool = False) -> Export:
        """Have everything our tenant has put into one ZIP, with films and pictures if ``media``."""
        return self._post(Export, "/v1/exports", {"media": media})

    def exports(self: _Calls) -> Iterator[Export]:
        """All exports, newest first."""
        return self._pages(Export, "/v1/exports")

    def export(self: _Calls, export_id: UUID) -> Export:
        """One export as it stands; ``download`` its ``content_url``."""
        return self._get(Export, f"/v1/exports/{export_id}")

    def receipt_keys(self: _Calls) -> dict[str, Any]:
        """The keys that verify receipts, as a JSON Web Key Set; see ``verify_receipt``."""
        keys: dict[str, Any] = self._send("GET", "/.well-known/receipt-keys.json").json()
        return keys

    def receipt(self: _Calls, token: str) -> str:
        """The receipt of a tenant that was erased, by the token that ``erase_tenant`` gave."""
        return self._send("GET", "/v1/receipts", headers={"Receipt-Token": token}).text
