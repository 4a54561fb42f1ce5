"""What the API returns, as models. Unknown keys are ignored, so that a newer gateway is understood."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.documents import JobReport

__all__ = [
    "FINAL_STATES",
    "DirectTarget",
    "Job",
    "Me",
    "Page",
    "Rejection",
    "ResultFile",
    "Script",
    "Token",
    "Upload",
    "Video",
]

FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})


class _Resource(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Token(_Resource):
    """An access token (``expires_in`` seconds) and what buys the next one."""

    access_token: str
    token_type: str = "bearer"
    expires_in: float = 900
    refresh_token: str | None = None


class Me(_Resource):
    """Who the token stands for. Further keys of the gateway are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: UUID | None = None
    email: str | None = None
    role: str | None = None
    tenant_id: UUID | None = None
    tenant: str | None = None
    rights: tuple[str, ...] = ()
    """What the token or key may do."""


class Rejection(_Resource):
    """Why a file was not taken in."""

    reason: str
    detail: str = ""


class DirectTarget(_Resource):
    """Where in the bucket the bytes of a file may be sent. Whoever has ``url`` may send them: it is a secret."""

    url: str
    headers: dict[str, str] = {}
    complete_url: str
    expires_at: datetime | None = None


class Upload(_Resource):
    """A place to put the bytes of one file."""

    id: UUID
    state: str
    filename: str = ""
    content_url: str | None = None
    max_bytes: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    failure: Rejection | None = None
    direct: DirectTarget | None = None
    created_at: datetime | None = None


class Video(_Resource):
    """A video of this tenant."""

    id: UUID
    state: Literal["importing", "ingesting", "ready", "rejected", "erased"]
    title: str | None = None
    filename: str = ""
    size_bytes: int | None = None
    sha256: str | None = None
    media: dict[str, Any] | None = None
    rejection: Rejection | None = None
    duplicate_of: UUID | None = None
    created_at: datetime | None = None
    passthrough: str | None = None
    original_deleted_at: datetime | None = None
    copies_deleted_at: datetime | None = None


class Script(_Resource):
    """A script of this tenant."""

    id: UUID
    filename: str
    format: str
    columns: dict[str, str] = {}
    """Of a table: which of its columns holds what, as it was said."""
    size_bytes: int | None = None
    sha256: str | None = None
    created_at: datetime | None = None


class Job(JobReport):
    """A job and its steps: ``contracts.documents.JobReport`` and what the API adds."""

    priority: Literal["urgent", "normal", "bulk"] = "normal"
    options: dict[str, Any] = Field(default_factory=dict)
    passthrough: str | None = None
    error: Any = None

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more, unless somebody retries it."""
        return self.state in FINAL_STATES


class ResultFile(_Resource):
    """A file that a job made. ``name`` may hold slashes: ``keyframes/0003.jpg``."""

    name: str
    url: str
    content_type: str = "application/octet-stream"
    size_bytes: int | None = None


T = TypeVar("T")


class Page(_Resource, Generic[T]):
    """One page of a list; ``next_cursor`` leads to the next."""

    items: tuple[T, ...]
    next_cursor: str | None = None
