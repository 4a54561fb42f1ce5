"""What we do: match videos with the jobs that want them heard, hear them, and forget what must be forgotten."""

from transcribe.usecases.forgetting import (
    CancelJob,
    ForgetIntermediates,
    ForgetTranscripts,
    ForgetVideo,
)
from transcribe.usecases.joining import JoinVideoAndJob
from transcribe.usecases.pieces import HearPiece, StitchPieces, give_up
from transcribe.usecases.transcribing import TranscribeVideo
from transcribe.usecases.writing import Scribe

__all__ = [
    "CancelJob",
    "ForgetIntermediates",
    "ForgetTranscripts",
    "ForgetVideo",
    "HearPiece",
    "JoinVideoAndJob",
    "Scribe",
    "StitchPieces",
    "TranscribeVideo",
    "give_up",
]
