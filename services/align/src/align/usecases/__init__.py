"""What we do: wait until all a job's alignment builds on is there, align, hear what people say of it, and forget."""

from align.usecases.aligning import AlignScript, UnknownScript
from align.usecases.forgetting import (
    CancelJob,
    ForgetResults,
    ForgetScript,
    ForgetTranscripts,
    ForgetVideo,
)
from align.usecases.joining import Join
from align.usecases.reviewing import HearCorrections, ReviseAlignment

__all__ = [
    "AlignScript",
    "CancelJob",
    "ForgetResults",
    "ForgetScript",
    "ForgetTranscripts",
    "ForgetVideo",
    "HearCorrections",
    "Join",
    "ReviseAlignment",
    "UnknownScript",
]
