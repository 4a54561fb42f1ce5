"""Why a film cannot be looked at, for reasons that trying again does not cure."""

__all__ = ["UnreadableVideo"]


class UnreadableVideo(Exception):
    """The original cannot be opened or holds no picture that can be decoded; upload the video again."""

    reason = "unreadable_video"
