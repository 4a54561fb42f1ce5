"""What we do: match videos with the jobs that want them looked at, look once, and forget what must be forgotten."""

from vision.usecases.forgetting import (
    CancelJob,
    ForgetIntermediates,
    ForgetResults,
    ForgetVideo,
    SweepUp,
)
from vision.usecases.looking import JoinVideoAndJob, LookAtVideo, announce_failures

__all__ = [
    "CancelJob",
    "ForgetIntermediates",
    "ForgetResults",
    "ForgetVideo",
    "JoinVideoAndJob",
    "LookAtVideo",
    "SweepUp",
    "announce_failures",
]
