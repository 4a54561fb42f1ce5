"""Erasures: asked for once, answered by every service that may hold something, and proven by a receipt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

__all__ = ["ANSWERING", "OURSELVES", "PARTS", "Answer", "Erasure", "Kind", "Reason", "State", "receipt_claims"]

Kind = Literal[
    "video", "original", "copies", "intermediates", "results", "transcripts", "renditions", "script", "user", "tenant"
]
State = Literal["running", "completed"]
Reason = Literal["asked", "retention"]

OURSELVES = "gateway"
PARTS: frozenset[Kind] = frozenset({"original", "copies", "intermediates", "results", "transcripts", "renditions"})
"""Parts of a video, which stays when they go, and with it what speaks of it."""
ANSWERING: Mapping[Kind, frozenset[str]] = {
    "video": frozenset({"ingest", "transcribe", "align", "vision", "upscale"}),
    "original": frozenset({"ingest"}),
    "copies": frozenset({"ingest"}),
    "intermediates": frozenset({"transcribe", "vision", "upscale"}),
    "results": frozenset({"vision", "align"}),
    "transcripts": frozenset({"transcribe", "align"}),
    "renditions": frozenset({"upscale"}),
    "script": frozenset({"align"}),
    "user": frozenset(),
    "tenant": frozenset({"ingest", "transcribe", "align", "vision", "upscale"}),
}
"""Who besides us is asked what it holds. A test compares this with who hears of each erasure."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one service has deleted."""

    service: str
    answered_at: datetime
    rows: Mapping[str, int] = field(default_factory=dict)
    blobs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure, and how far it is."""

    id: UUID
    kind: Kind
    subject_id: UUID
    reason: Reason
    requested_at: datetime
    asked_at: datetime
    """When the services were last asked: those that stay silent are asked again."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """What we deleted ourselves when it was asked for."""
    places: tuple[str, ...] = ()
    """Blobs of ours that are to go: keys, and folders that end in a slash. Forgotten when it is done."""
    job_ids: tuple[UUID, ...] = ()
    """The jobs of a video, for those who are asked. Forgotten when it is done."""
    state: State = "running"
    completed_at: datetime | None = None
    receipt: str | None = None
    answers: tuple[Answer, ...] = ()

    @property
    def awaited(self) -> frozenset[str]:
        """Services that have not answered yet."""
        return ANSWERING[self.kind] - {answer.service for answer in self.answers}


def receipt_claims(erasure: Erasure, *, tenant_id: UUID, answers: tuple[Answer, ...]) -> dict[str, Any]:
    """What the receipt says: what was deleted, where and when. Ids and numbers alone; who asked is in the audit."""
    return {
        "jti": str(erasure.id),
        "tenant": str(tenant_id),
        "erased": {"kind": erasure.kind, "id": str(erasure.subject_id), **_made_by(erasure)},
        "reason": erasure.reason,
        "requested_at": erasure.requested_at.isoformat(),
        "completed_at": max(answer.answered_at for answer in answers).isoformat(),
        "services": {
            answer.service: {
                "at": answer.answered_at.isoformat(),
                "rows": dict(sorted(answer.rows.items())),
                "blobs": dict(sorted(answer.blobs.items())),
            }
            for answer in sorted(answers, key=lambda one: one.service)
        },
        "kept": ["this receipt", "the audit, until its retention ends"],
    }


def _made_by(erasure: Erasure) -> dict[str, list[str]]:
    """Of what jobs made, whose it was: what other jobs made of the same video is there."""
    made = erasure.kind in ("results", "transcripts", "renditions")
    return {"jobs": [str(job_id) for job_id in erasure.job_ids]} if made else {}
