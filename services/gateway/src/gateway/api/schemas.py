"""The resources as clients see them."""

import re
from base64 import b64decode
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from gateway.domain.library import ColumnRole, ScriptFormat, VideoState

__all__ = [
    "Line",
    "Moment",
    "Passthrough",
    "Rejection",
    "ResultList",
    "ResultView",
    "Script",
    "ScriptRequest",
    "Sha256",
    "Video",
]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_AT = "2026-11-22T16:30:00Z"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _only_rfc3339(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise ValueError("must be a date and a time with its zone, such as 2026-11-22T16:30:00Z")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the last hours of the year 9999, said in the west
        raise ValueError("no time so far away is known here") from None


Line = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""One line of text: no control characters."""
Moment = Annotated[AwareDatetime, BeforeValidator(_only_rfc3339), AfterValidator(_in_utc)]
"""A moment with its zone, as RFC 3339 writes it: no number of seconds, which a reader would have to guess at."""
Passthrough = Annotated[
    str,
    StringConstraints(max_length=255, pattern=r"^[^\x00]*$"),
    Field(description="Anything of yours; it comes back with every answer about this.", examples=["order-4711"]),
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(examples=[_SHA256])]


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class _Asked(BaseModel):
    """A request body. A field we do not know is more likely a typing error than meant to be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rejection(BaseModel):
    """Why bytes or a video could not be taken in."""

    reason: str = Field(examples=["no_video"])
    detail: str


class MediaSummary(BaseModel):
    """The measures asked for most; the whole is at ``/v1/videos/{id}/media``."""

    duration: float = Field(description="Seconds.")
    width: int
    height: int
    frame_rate: str = Field(examples=["25/1"])
    frames: int
    variable_frame_rate: bool
    has_audio: bool


class Video(BaseModel):
    """A video."""

    model_config = _example(
        id=_ID,
        state="ingesting",
        title="clip",
        filename="clip.mp4",
        size_bytes=52_428_800,
        sha256=_SHA256,
        duplicate_of=None,
        created_at=_AT,
    )

    id: UUID
    state: VideoState
    title: str
    filename: str
    size_bytes: int | None = Field(description="Null while it is `importing`.")
    sha256: str | None = Field(description="Null while it is `importing`.")
    media: MediaSummary | None = None
    rejection: Rejection | None = None
    duplicate_of: UUID | None = Field(
        default=None, description="The video that had the same bytes first. It may have been erased since."
    )
    passthrough: str | None = None
    created_at: datetime
    original_deleted_at: datetime | None = Field(
        default=None, description="From then on there is what was made of it, and nothing more can be made of it."
    )
    copies_deleted_at: datetime | None = Field(
        default=None, description="From then on there is neither sound nor proxy: no transcript can be asked for."
    )


class ScriptRequest(_Asked):
    """A script: `text`, or the bytes of a file as `content`."""

    model_config = _Asked.model_config | ConfigDict(
        json_schema_extra={
            "examples": [
                {"filename": "scene12.fountain", "text": "INT. KITCHEN - DAY\n\nANNA\nHello.\n"},
                {
                    "filename": "dub.csv", "content": "V2hvLFdoYXQKQW5uYSxIZWxsby4K", "format": "csv",
                    "columns": {"text": "What", "speaker": "Who"},
                },
            ]
        }
    )  # fmt: skip

    filename: Line
    text: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        default=None, description="A script that is text. Give this or `content`."
    )
    content: Annotated[str, StringConstraints(min_length=4, pattern=r"^[A-Za-z0-9+/]+={0,2}$")] | None = Field(
        default=None, description="The bytes of a file in base64: for Word documents, and text that is not UTF-8."
    )
    format: ScriptFormat | None = Field(default=None, description="Guessed by name and content when absent.")
    columns: dict[
        ColumnRole, Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    ] = Field(
        default={},
        description="csv: which column holds what, by its head or its number from 1. Guessed by the head when empty.",
    )

    @property
    def raw(self) -> bytes:
        """The bytes of the file."""
        return self.text.encode() if self.text is not None else b64decode(self.content or "")

    @model_validator(mode="after")
    def _one_of_both(self) -> "ScriptRequest":
        if (self.text is None) == (self.content is None):
            raise ValueError("send either text or content")
        try:
            _ = self.raw
        except ValueError as error:
            raise ValueError(f"content is not base64: {error}") from None
        if self.columns and "text" not in self.columns:
            raise ValueError("columns must name the one that holds the text")
        return self


class Script(BaseModel):
    """A script; what was handed in is at ``/v1/scripts/{id}/content``."""

    model_config = _example(
        id=_ID,
        filename="scene12.fountain",
        format="fountain",
        columns={},
        sha256=_SHA256,
        size_bytes=812,
        created_at=_AT,
    )

    id: UUID
    filename: str
    format: ScriptFormat
    columns: dict[ColumnRole, str] = Field(description="Which column of a table holds what, as it was said.")
    sha256: str
    size_bytes: int
    created_at: datetime


class ResultView(BaseModel):
    """One thing a job left behind."""

    model_config = _example(
        name="scenes.json", url=f"/v1/jobs/{_ID}/results/scenes.json", content_type="application/json", size_bytes=4711
    )

    name: str
    url: str
    content_type: str
    size_bytes: int


class ResultList(BaseModel):
    """All a job has left behind so far."""

    items: tuple[ResultView, ...]
