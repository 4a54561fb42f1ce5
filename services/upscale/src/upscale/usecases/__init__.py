"""What we do: match videos with jobs, plan, make chunks, join them, and forget what must be forgotten."""

from upscale.usecases.assembling import AssembleRendition, JoinChunks
from upscale.usecases.forgetting import CancelJob, ForgetVideo
from upscale.usecases.joining import JoinVideoAndJob
from upscale.usecases.making import MakeChunk
from upscale.usecases.planning import PlanRendition
from upscale.usecases.refusing import announce_failure
from upscale.usecases.retaining import ForgetIntermediates, ForgetRenditions
from upscale.usecases.runners import HearOperators

__all__ = [
    "AssembleRendition",
    "CancelJob",
    "ForgetIntermediates",
    "ForgetRenditions",
    "ForgetVideo",
    "HearOperators",
    "JoinChunks",
    "JoinVideoAndJob",
    "MakeChunk",
    "PlanRendition",
    "announce_failure",
]
