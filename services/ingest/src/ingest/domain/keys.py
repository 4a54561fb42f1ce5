"""Where a video's blobs lie, and what the files are called."""

from uuid import UUID

__all__ = ["AUDIO", "COPIES", "MEDIA", "POSTER", "PROXY", "THUMBNAILS", "derived_folder", "original_key"]

MEDIA = "media.json"
AUDIO = "audio.wav"
PROXY = "proxy.mp4"
POSTER = "poster.jpg"
THUMBNAILS = "thumbnails.jpg"
COPIES = (AUDIO, PROXY, THUMBNAILS)
"""What is kept to work with. Measures and the poster are what people see of a video, and take no room."""


def original_key(tenant_id: UUID, sha256: str) -> str:
    """The original by its content: a tenant's second upload of the same bytes takes no room."""
    return f"original/{tenant_id}/{sha256}"


def derived_folder(tenant_id: UUID, video_id: UUID) -> str:
    """What was derived from a video; ends with a slash."""
    return f"derived/{tenant_id}/{video_id}/"
