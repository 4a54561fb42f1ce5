"""Facts the gateway announces when something of a video must go and the video stays: one for each class of things.

Each names the jobs it is about: what other jobs made of the same video, now or later, stays.
"""

from typing import ClassVar
from uuid import UUID

from contracts.event import Fact

__all__ = ["CopiesErased", "IntermediatesErased", "RenditionsErased", "ResultsErased", "TranscriptsErased"]


class CopiesErased(Fact):
    """What was made of a video to work with it must go: sound, proxy, thumbnails. Measures and poster stay."""

    stream: ClassVar[str] = "copies.erased.v1"

    video_id: UUID
    erasure_id: UUID


class IntermediatesErased(Fact):
    """What jobs left that nobody reads any more must go: pieces, chunks, and what no result names."""

    stream: ClassVar[str] = "intermediates.erased.v1"

    video_id: UUID
    erasure_id: UUID
    job_ids: tuple[UUID, ...] = ()
    """All jobs of the video there were, none of which is under way."""


class ResultsErased(Fact):
    """The scenes, watermarks and ledgers that these jobs found must go. What people said of lines stays."""

    stream: ClassVar[str] = "results.erased.v1"

    video_id: UUID
    erasure_id: UUID
    job_ids: tuple[UUID, ...] = ()


class TranscriptsErased(Fact):
    """The transcripts that these jobs made must go."""

    stream: ClassVar[str] = "transcripts.erased.v1"

    video_id: UUID
    erasure_id: UUID
    job_ids: tuple[UUID, ...] = ()


class RenditionsErased(Fact):
    """The films that these jobs upscaled must go, with their quality reports."""

    stream: ClassVar[str] = "renditions.erased.v1"

    video_id: UUID
    erasure_id: UUID
    job_ids: tuple[UUID, ...] = ()
