"""``scenes.json``: the shots of a video."""

from typing import Literal

from contracts.documents._document import Document, Seconds

__all__ = ["Scene", "Scenes"]


class Scene(Document):
    """One shot, from ``start_frame`` up to but without ``end_frame``."""

    index: int
    start_frame: int
    end_frame: int
    start: Seconds
    end: Seconds
    transition: Literal["cut", "dissolve", "fade", "start"]
    """How this shot begins."""
    score: float
    """The detector's certainty that a shot begins here, 0 to 1."""
    keyframe: str | None = None
    """Blob key (in the API: URL; in a folder: file name) of a JPEG that shows the shot."""


class Scenes(Document):
    """All shots in order; together they cover every frame once."""

    scenes: tuple[Scene, ...]
    engine: str = ""
