"""What is held of a video, class by class: each can be deleted on its own, by hand or because its time is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

from contracts.steps import Step
from gateway.domain.erasures import Kind as ErasureKind
from gateway.domain.erasures import Reason
from gateway.domain.findings import Finding
from gateway.domain.findings import Kind as FindingKind
from gateway.domain.refusals import Gone

__all__ = [
    "CLASS_OF",
    "COPIES",
    "ERASURE_OF",
    "FINDINGS_OF",
    "FOR_STEPS",
    "HELD",
    "Deletion",
    "Held",
    "HeldKind",
    "gone",
    "names_under",
]

HeldKind = Literal["originals", "copies", "intermediates", "results", "transcripts", "renditions"]
HELD: tuple[HeldKind, ...] = get_args(HeldKind)
FINDINGS_OF: Mapping[HeldKind, tuple[FindingKind, ...]] = {
    "results": ("scenes", "watermarks", "alignment"),
    "transcripts": ("transcript",),
    "renditions": ("rendition",),
}
"""The classes that jobs make, and what of it they find."""
CLASS_OF: Mapping[FindingKind, HeldKind] = {kind: held for held, kinds in FINDINGS_OF.items() for kind in kinds}
ERASURE_OF: Mapping[HeldKind, ErasureKind] = {
    "originals": "original",
    "copies": "copies",
    "intermediates": "intermediates",
    "results": "results",
    "transcripts": "transcripts",
    "renditions": "renditions",
}
COPIES = frozenset({"audio", "proxy"})
"""Blobs of a video that are copies to work with, by the names we know them by. Ingest keeps thumbnails beside them."""
FOR_STEPS: Mapping[HeldKind, frozenset[Step]] = {
    "originals": frozenset({Step.SCENES, Step.WATERMARKS, Step.UPSCALE}),
    "copies": frozenset({Step.TRANSCRIPT, Step.ALIGNMENT}),
}
"""Steps that look at what a video came as, and steps that listen to its sound, which is kept beside it."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """That a class, or a part of it, was deleted."""

    at: datetime
    reason: Reason
    erasure_id: UUID


@dataclass(frozen=True, slots=True)
class Held:
    """What there is of one class, and what of it was deleted last."""

    kind: HeldKind
    count: int
    oldest_at: datetime | None = None
    """From when its time is counted."""
    days: int | None = None
    """For how long it is kept; None is for ever."""
    deleted: Deletion | None = None

    @property
    def goes_at(self) -> datetime | None:
        """When the first of it is over its time."""
        if self.oldest_at is None or self.days is None:
            return None
        return self.oldest_at + timedelta(days=self.days)


def gone(what: str, held: HeldKind, deletion: Deletion) -> Gone:
    """Why something is there no more, and since when."""
    why = "somebody asked for it" if deletion.reason == "asked" else f"the time of {held} was over"
    return Gone(
        f"{what}: deleted on {deletion.at:%F}, because {why}",
        deleted_at=deletion.at.isoformat().replace("+00:00", "Z"),
        rule="asked" if deletion.reason == "asked" else f"retention/{held}",
        erasure=f"/v1/erasures/{deletion.erasure_id}",
    )


def names_under(finding: Finding, results: Mapping[str, str]) -> tuple[str, ...]:
    """The names, among a job's results, of what lies where a finding's document does."""
    folder = finding.key.rpartition("/")[0] + "/"
    return tuple(name for name, key in results.items() if key.startswith(folder))
