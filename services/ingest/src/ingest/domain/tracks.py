"""Which of several sound tracks is the one people hear."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.domain.codecs import SOUND

__all__ = ["SoundTrack", "choose_track"]


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """A sound stream as the container describes it."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    language: str | None = None
    default: bool = False
    secondary: bool = False
    """Commentary, audio description, or meant for the hard of hearing."""

    @property
    def decodable(self) -> bool:
        """In a codec that is let near a decoder, with a rate and channels that make sense."""
        return self.codec in SOUND and 0 < self.sample_rate <= 768_000 and 0 < self.channels <= 64


def choose_track(tracks: Sequence[SoundTrack]) -> SoundTrack | None:
    """The default track; without one the main track with the most channels; the first among equals."""
    usable = [track for track in tracks if track.decodable]
    if not usable:
        return None
    return min(usable, key=lambda track: (not track.default, track.secondary, -track.channels, track.index))
