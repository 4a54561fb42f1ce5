"""The envelope every fact travels in: CloudEvents 1.0 attributes plus tenant, job and trace."""

from datetime import UTC, datetime
from typing import ClassVar, Generic, Literal, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts._uuid7 import uuid7

__all__ = ["Event", "Fact"]


class Fact(BaseModel):
    """Something that happened, said once, in the past tense.

    A fact carries ids and blob keys, never bytes and never secrets. Readers ignore fields they do not know, so a
    field may be added; a change that an old reader would misread is a new class on a new stream (``.v2``).
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    stream: ClassVar[str]
    """The Redis stream that carries this fact, and its CloudEvents ``type``."""


F = TypeVar("F", bound=Fact)


class Event(BaseModel, Generic[F]):
    """A fact on its way: who said it, about what, when, for which tenant and job."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: UUID = Field(default_factory=uuid7)
    """Time-ordered (UUIDv7, RFC 9562) and unique: the inbox knows a redelivery by it."""
    source: str
    """``/services/<name>``: the service that announced the fact."""
    type: str
    subject: str
    """The id of what the fact is about, most often a video."""
    time: datetime = Field(default_factory=lambda: datetime.now(UTC))
    datacontenttype: Literal["application/json"] = "application/json"
    tenantid: UUID
    jobid: UUID | None = None
    traceparent: str | None = None
    """W3C Trace Context of the work that led to the fact."""
    data: F

    @classmethod
    def of(
        cls,
        fact: F,
        *,
        source: str,
        subject: str,
        tenant_id: UUID,
        job_id: UUID | None = None,
        traceparent: str | None = None,
    ) -> Self:
        """Wrap a fact that happened just now."""
        return cls(
            source=f"/services/{source}",
            type=fact.stream,
            subject=subject,
            tenantid=tenant_id,
            jobid=job_id,
            traceparent=traceparent,
            data=fact,
        )
