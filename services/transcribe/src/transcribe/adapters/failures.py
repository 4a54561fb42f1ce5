"""Failures that trying again will not cure."""

__all__ = ["RecognizerMissing", "UnreadableAudio"]


class UnreadableAudio(Exception):
    """The extracted audio cannot be read; the message says what to do."""

    reason = "unreadable_audio"


class RecognizerMissing(Exception):
    """The recognizer chosen in the settings is not installed; the message says what to do."""

    reason = "recognizer_missing"
