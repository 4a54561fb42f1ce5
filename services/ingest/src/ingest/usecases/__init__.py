"""What we do: take videos in or turn them away, and forget what must be forgotten."""

from ingest.usecases.forgetting import EraseBlobs, ForgetCopies, ForgetOriginal, ForgetVideo
from ingest.usecases.taking_in import DropUpload, QueueVideo, TakeInVideo, TookTooLong

__all__ = [
    "DropUpload",
    "EraseBlobs",
    "ForgetCopies",
    "ForgetOriginal",
    "ForgetVideo",
    "QueueVideo",
    "TakeInVideo",
    "TookTooLong",
]
