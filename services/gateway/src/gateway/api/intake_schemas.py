"""How clients bring films in: uploads, addresses, and the videos to be made of them."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from gateway.api.schemas import Line, Passthrough, Rejection, Sha256
from gateway.domain.library import OnDuplicate
from gateway.domain.sources import is_drive

__all__ = ["DirectTarget", "Upload", "UploadRequest", "UrlSource", "VideoRequest"]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_AT = "2026-11-22T16:30:00Z"


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UploadRequest(_Asked):
    """An upload to be."""

    model_config = _Asked.model_config | _example(filename="clip.mp4", size_bytes=52_428_800)

    filename: Line
    size_bytes: int | None = Field(
        default=None, strict=True, ge=0, le=2**60, description="If given, exactly so many must come."
    )
    sha256: Sha256 | None = Field(default=None, description="If given, the bytes are checked against it.")
    direct: bool = Field(
        default=False,
        strict=True,
        description="Send the bytes straight to the bucket they are kept in. Needs `size_bytes`.",
    )


class DirectTarget(BaseModel):
    """Where to send bytes by Google's protocol of resumable uploads. Whoever has the address may: keep it secret."""

    model_config = _example(
        protocol="gcs-resumable",
        url="https://storage.googleapis.com/upload/storage/v1/b/films/o?uploadType=resumable&upload_id=ABPnzm4",
        method="PUT",
        headers={"Content-Type": "application/octet-stream"},
        multiple_of_bytes=262_144,
        complete_url=f"/v1/uploads/{_ID}/complete",
        expires_at="2026-11-23T16:30:00Z",
    )

    protocol: Literal["gcs-resumable"] = "gcs-resumable"
    url: str = Field(description="It is no address of ours: send no access token there.")
    method: Literal["PUT"] = "PUT"
    headers: dict[str, str] = Field(description="To be sent along.")
    multiple_of_bytes: int = Field(default=262_144, description="Of all pieces but the last.")
    complete_url: str = Field(description="POST here when all bytes are there.")
    expires_at: datetime = Field(description="All bytes must be there by then.")


class Upload(BaseModel):
    """Bytes on their way to become a video."""

    model_config = _example(
        id=_ID,
        state="waiting",
        filename="clip.mp4",
        content_url=f"/v1/uploads/{_ID}/content",
        max_bytes=21_474_836_480,
        created_at=_AT,
    )

    id: UUID
    state: Literal["waiting", "checking", "received", "used", "failed"] = Field(
        description="`checking`: all bytes are here, and are being joined and added up."
    )
    filename: str
    content_url: str = Field(description="PUT the bytes here.")
    max_bytes: int
    size_bytes: int | None = None
    sha256: str | None = None
    failure: Rejection | None = None
    direct: DirectTarget | None = Field(default=None, description="Told once, to who asked for it.")
    created_at: datetime


class UrlSource(_Asked):
    """A file somewhere else, which we fetch."""

    model_config = _Asked.model_config | ConfigDict(
        json_schema_extra={
            "examples": [
                {"url": "https://media.example/scene12.mp4"},
                {"url": "gs://inbox/rushes/scene12.mp4"},
                {
                    "url": "https://drive.google.com/file/d/1dyUEebJaFnWa3Z4n0BFMVAXQ7mfUH11g/view",
                    "access_token": "ya29.a0",
                },
            ]
        }
    )

    url: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="An https address that leads to the file itself, `gs://bucket/object` where the operator allows"
        " it, or a file of Google Drive: its link, or `drive://FILE_ID`. It is kept sealed until the file is here."
    )
    access_token: SecretStr | None = Field(
        default=None,
        min_length=1,
        max_length=4096,
        description="For Drive: an OAuth 2 access token that may read the file. Kept sealed until the file is here.",
    )
    filename: Line | None = Field(default=None, description="By the address when absent.")
    size_bytes: int | None = Field(
        default=None, strict=True, ge=0, le=2**60, description="If given, exactly so many must come."
    )
    sha256: Sha256 | None = Field(default=None, description="If given, the bytes are checked against it.")

    @model_validator(mode="after")
    def _has_a_token_for_drive_alone(self) -> "UrlSource":
        if self.access_token is not None:
            if not is_drive(self.url):
                raise ValueError("access_token is for files of Google Drive")
            if not re.fullmatch(r"[\x21-\x7e]+", self.access_token.get_secret_value()):
                raise ValueError("access_token must be printable ASCII")
        return self


class VideoRequest(_Asked):
    """A video to be made of an upload, or of a file somewhere else."""

    model_config = _Asked.model_config | ConfigDict(
        json_schema_extra={
            "examples": [
                {"upload_id": _ID, "title": "Scene 12, take 3"},
                {"source": {"url": "https://media.example/scene12.mp4"}, "passthrough": "order-4711"},
            ]
        }
    )

    on_duplicate: OnDuplicate = Field(
        default="keep",
        description="If a video has the same bytes already: `keep` both, which share them; `reuse` the first, which is"
        " answered with 200, and forget the upload; or `refuse` (409). Where the bytes are not here yet and no `sha256`"
        " was given, `reuse` and `refuse` reject the video when they are, with the reason `duplicate`.",
    )
    source: UUID | UrlSource | None = Field(default=None, description="The id of an upload, or where the file is.")
    upload_id: UUID | None = Field(default=None, description="Another way to name an upload as `source`.")
    title: Line | None = None
    passthrough: Passthrough | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> "VideoRequest":
        if (self.source is None) == (self.upload_id is None):
            raise ValueError("give either source or upload_id")
        return self
