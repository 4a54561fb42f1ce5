"""Failures that trying again will not cure."""

__all__ = ["UnusableSound"]


class UnusableSound(ValueError):
    """The sound is not 16 kHz mono 16-bit PCM, as ingest promises it."""

    reason = "unusable_sound"
