"""How the proxy is made: copied when browsers play the original as it is, encoded otherwise."""

from dataclasses import dataclass

from contracts.documents import Media
from ingest.domain.observation import Film
from ingest.domain.shape import Size, fitted
from ingest.domain.timing import Timing

__all__ = ["ProxyPlan", "plan_proxy"]

LONGEST_KEY_GAP_S = 12.0
"""Seeking decodes up to this much of the film. Encoders left alone set a key frame every 250 frames."""
MOST_BITS_PER_SECOND = 6_000_000
"""More than this stutters over home connections."""
SOUND_OFFSET_S = 0.1
"""Sound that begins further from the first frame is padded or cut, for which it is encoded."""


@dataclass(frozen=True, slots=True)
class ProxyPlan:
    """What is to be done to picture and sound."""

    size: Size
    copy: bool
    deinterlace: bool
    hdr: bool
    """Map PQ or HLG to the range of an ordinary screen."""


def plan_proxy(film: Film, timing: Timing, media: Media, *, longest: int) -> ProxyPlan:
    """Encode unless nothing at all stands against a plain copy: copying costs milliseconds, encoding minutes."""
    return ProxyPlan(
        size=fitted(Size(media.width, media.height), longest=longest),
        copy=_plays_everywhere(film, timing, media, longest),
        deinterlace=media.interlaced,
        hdr=media.color.hdr is not None,
    )


def _plays_everywhere(film: Film, timing: Timing, media: Media, longest: int) -> bool:
    picture, sound = film.picture, film.sound
    return (
        picture.codec == "h264"
        and film.container == "mov"
        and media.color.pixel_format == "yuv420p"
        and (media.rotation, media.start) == (0, 0.0)
        and (media.width, media.height) == (media.coded_width, media.coded_height)
        and max(media.width, media.height) <= longest
        and not media.interlaced
        and not media.warnings
        and timing.duration > 0
        and 8 * media.size_bytes / float(timing.duration) <= MOST_BITS_PER_SECOND
        and picture.key_gap / float(timing.rate) <= LONGEST_KEY_GAP_S
        and (
            sound is None
            or (sound.track.codec == "aac" and sound.track.channels <= 2 and abs(sound.start) <= SOUND_OFFSET_S)
        )
    )
