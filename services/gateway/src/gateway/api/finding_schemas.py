"""What jobs found, as clients see it: short in lists, whole on its own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.documents import QualityReport, Scenes, Transcript, Watermarks
from gateway.api.examples import DOCUMENTS
from gateway.domain.findings import Finding

__all__ = [
    "AlignmentItem",
    "Found",
    "RenditionItem",
    "RenditionView",
    "ScenesItem",
    "ScenesView",
    "TranscriptItem",
    "TranscriptView",
    "WatermarksItem",
    "WatermarksView",
    "example",
    "item_members",
    "members_of",
]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_JOB = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b78"
_VIDEO = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b79"
_EXAMPLE: dict[str, Any] = {
    "id": _ID, "job_id": _JOB, "video_id": _VIDEO, "run": 1, "model_sha256": None, "seconds": 4.2,
    "created_at": "2026-11-22T16:30:00Z",
}  # fmt: skip


def example(**values: Any) -> ConfigDict:
    """What the reference shows."""
    return ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, **values}]})


class Found(BaseModel):
    """What all findings have in common."""

    id: UUID
    job_id: UUID = Field(description="The job that found it; its id leads to the finding as well.")
    video_id: UUID
    run: int
    model_sha256: str | None = None
    seconds: float = Field(description="Time the work took.")
    created_at: datetime


class _Item(Found):
    engine: str
    url: str = Field(description="The whole of it.")
    content_url: str = Field(description="The file as it was stored. Takes `Range`.")


class ScenesItem(_Item):
    """The shots of a video."""

    model_config = example(
        engine="TransNetV2", count=41, url=f"/v1/scenes/{_ID}", content_url=f"/v1/jobs/{_JOB}/results/scenes.json"
    )

    count: int | None = None


class TranscriptItem(_Item):
    """What was said in a video."""

    model_config = example(
        engine="faster-whisper tiny.en",
        language="en",
        word_count=812,
        url=f"/v1/transcripts/{_ID}",
        content_url=f"/v1/jobs/{_JOB}/results/transcript.json",
    )

    language: str | None = None
    word_count: int | None = None


class AlignmentItem(_Item):
    """What became of a script in a video."""

    model_config = example(
        engine="words and sentences",
        script_id=_ID,
        script_matches="yes",
        coverage=0.93,
        line_count=16,
        exports=["json", "otio", "srt", "vtt"],
        url=f"/v1/alignments/{_ID}",
        content_url=f"/v1/jobs/{_JOB}/results/ledger.json",
    )

    script_id: UUID
    script_matches: Literal["yes", "partly", "no"] | None = None
    coverage: float | None = None
    line_count: int | None = None
    exports: tuple[str, ...] = Field(description="Formats of `GET /v1/alignments/{id}/export`.")


class WatermarksItem(_Item):
    """Marks over a video."""

    model_config = example(
        engine="median-gradient consistency",
        count=2,
        url=f"/v1/watermarks/{_ID}",
        content_url=f"/v1/jobs/{_JOB}/results/watermarks.json",
    )

    count: int | None = None


class RenditionItem(_Item):
    """An upscaled video."""

    model_config = example(
        engine="openvino",
        width=2560,
        height=1440,
        frames=132,
        passed=True,
        url=f"/v1/renditions/{_ID}",
        content_url=f"/v1/renditions/{_ID}/content",
    )

    width: int | None = None
    height: int | None = None
    frames: int | None = None
    passed: bool | None = Field(default=None, description="Whether nothing was lost, by the quality report.")


class ScenesView(Found, Scenes):
    """The shots of a video, each with where its key frame is."""

    model_config = example(**DOCUMENTS["Scenes"])


class TranscriptView(Found, Transcript):
    """Every word with its time."""

    model_config = example(**DOCUMENTS["Transcript"])


class WatermarksView(Found, Watermarks):
    """The watermarks and logos."""

    model_config = example(**DOCUMENTS["Watermarks"])


class RenditionView(Found, QualityReport):
    """What was checked of an upscaled video, by decoding it."""

    model_config = example(**DOCUMENTS["QualityReport"], content_url=f"/v1/renditions/{_ID}/content")

    content_url: str = Field(description="The video. Takes `Range`.")


_PATHS = {
    "scenes": ("scenes", "scenes.json"),
    "transcript": ("transcripts", "transcript.json"),
    "alignment": ("alignments", "ledger.json"),
    "watermarks": ("watermarks", "watermarks.json"),
    "rendition": ("renditions", "qc.json"),
}


def members_of(finding: Finding) -> dict[str, Any]:
    """What a finding's document does not say itself."""
    return {name: getattr(finding, name) for name in Found.model_fields}


def item_members(finding: Finding) -> Mapping[str, Any]:
    """What a list says of any finding."""
    folder, name = _PATHS[finding.kind]
    content = f"/v1/jobs/{finding.job_id}/results/{name}"
    if finding.kind == "rendition":
        content = f"/v1/renditions/{finding.id}/content"
    return {
        **members_of(finding),
        **finding.summary,
        "engine": finding.engine,
        "url": f"/v1/{folder}/{finding.id}",
        "content_url": content,
    }
