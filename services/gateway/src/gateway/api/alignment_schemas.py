"""Alignments with what people say of them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.documents import Conflict, Correction, Ledger, LineStatus
from gateway.api.examples import DOCUMENTS
from gateway.api.finding_schemas import Found, example, members_of
from gateway.domain.reviews import AdLibChange, LineChange, Revision
from gateway.usecases.reviews import Reviewed

__all__ = [
    "AlignmentView",
    "CorrectionRequest",
    "RevisionView",
    "UndoView",
    "alignment_view",
    "revision_view",
    "undo_view",
]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_SAID: dict[str, Any] = {
    "key": "9f86d081884c7d65-1of1",
    "line_id": "l1",
    "text": "Hello.",
    "confirmed": True,
    "by": _ID,
    "at": "2026-11-22T16:30:00Z",
}
Note = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Seconds = Annotated[float, Field(ge=0, le=604_800, allow_inf_nan=False)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LineCorrection(_Asked):
    """What became of a line. Only what is given changes; null takes back what people said of it before."""

    line_id: Annotated[str, StringConstraints(min_length=1, max_length=50)] = Field(examples=["L03"])
    status: LineStatus | None = None
    chosen_take: int | None = Field(
        default=None, ge=0, le=100_000, description="Which of the takes that the machine found, counted from 0."
    )
    start: Seconds | None = Field(default=None, description="Seconds at which the chosen take begins.")
    end: Seconds | None = None
    ad_lib: bool | None = Field(default=None, description="True: what was taken for this line is an ad-lib.")
    confirmed: bool | None = Field(default=None, description="True: a person looked, and it is right.")
    note: Note | None = None


class AdLibCorrection(_Asked):
    """What is to be said of an ad-lib."""

    start: Seconds = Field(description="When it begins, as the alignment says.")
    ad_lib: bool = Field(description="False: it is none. True: it is one after all.")
    note: Note | None = None


class CorrectionRequest(_Asked):
    """Corrections that are made together, and undone together."""

    model_config = _Asked.model_config | ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lines": [
                        {"line_id": "L03", "status": "spoken", "chosen_take": 1, "note": "the second one is better"},
                        {"line_id": "L04", "confirmed": True},
                    ],
                    "ad_libs": [{"start": 20.1, "ad_lib": False}],
                }
            ]
        }
    )

    lines: tuple[LineCorrection, ...] = Field(default=(), max_length=200)
    ad_libs: tuple[AdLibCorrection, ...] = Field(default=(), max_length=200)

    def line_changes(self) -> list[LineChange]:
        """For the use case: the fields that were given, even as null."""
        return [
            LineChange(one.line_id, {name: getattr(one, name) for name in one.model_fields_set - {"line_id"}})
            for one in self.lines
        ]

    def ad_lib_changes(self) -> list[AdLibChange]:
        """For the use case."""
        return [AdLibChange(one.start, one.ad_lib, one.note) for one in self.ad_libs]


class AlignmentView(Found, Ledger):
    """What became of each line of the script, with what people say of it."""

    model_config = example(**DOCUMENTS["Ledger"], script_id=_ID, revision=1, corrections=[_SAID], conflicts=[])

    script_id: UUID
    revision: int = Field(description="How often people have changed something.")
    corrections: tuple[Correction, ...] = Field(description="What people say, and who said it when.")
    conflicts: tuple[Conflict, ...] = Field(
        description="What people said and has no place in this run: the line or the take is gone."
    )


class ChangeView(BaseModel):
    """What was said of one line, before and after."""

    before: Correction | None = Field(default=None, description="Null where nothing was said before.")
    after: Correction


class RevisionView(BaseModel):
    """Who changed what."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _ID, "revision": 1, "kind": "correction", "undoes": None, "user_id": _ID,
                    "changes": [{"before": None, "after": _SAID}], "created_at": "2026-11-22T16:30:00Z",
                }
            ]
        }
    )  # fmt: skip

    id: UUID
    revision: int
    kind: Literal["correction", "undo"]
    undoes: int | None = Field(default=None, description="The revision that was taken back.")
    user_id: UUID
    changes: tuple[ChangeView, ...]
    created_at: datetime


class UndoView(RevisionView):
    """What was taken back, and the alignment's new ETag."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _ID, "revision": 2, "kind": "undo", "undoes": 1, "user_id": _ID,
                    "changes": [{"before": _SAID, "after": {**_SAID, "confirmed": False}}],
                    "created_at": "2026-11-22T16:30:00Z", "etag": f'"{_ID.replace("-", "")}-1-2"',
                }
            ]
        }
    )  # fmt: skip

    etag: str


def alignment_view(reviewed: Reviewed) -> AlignmentView:
    """An alignment, whole."""
    finding = reviewed.finding
    assert finding.script_id is not None, "an alignment has a script"
    return AlignmentView(
        **members_of(finding),
        **dict(reviewed.ledger),
        script_id=finding.script_id,
        revision=reviewed.revision,
        corrections=tuple(reviewed.corrections),
        conflicts=tuple(reviewed.conflicts),
    )


def revision_view(revision: Revision) -> RevisionView:
    """One change."""
    return RevisionView(**_members(revision))


def undo_view(finding_tag: str, revision: Revision) -> UndoView:
    """One change that took another back."""
    return UndoView(**_members(revision), etag=f'"{finding_tag}"')


def _members(revision: Revision) -> dict[str, object]:
    names = ("id", "revision", "kind", "undoes", "user_id", "created_at")
    changes = tuple(ChangeView(before=one.before, after=one.after) for one in revision.changes)
    return {**{name: getattr(revision, name) for name in names}, "changes": changes}
