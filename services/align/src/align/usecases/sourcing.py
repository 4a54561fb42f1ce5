"""What editing programs are told of a film's file: what was measured, and what was asked for."""

from collections.abc import Sequence

from align.domain.exports.film import Source
from contracts.gateway import JobRequested
from contracts.ingest import VideoIngested

__all__ = ["source_of"]


def source_of(video: VideoIngested | None, runs: Sequence[JobRequested], run: int) -> Source:
    """The film of a job's run. What the job says of its timecode goes before what the film says."""
    asked = next((one for one in runs if one.run == run), None)
    start = asked.options.start_timecode if asked else None
    name = asked.film_name if asked else ""
    if video is None:
        return Source(name=name, start_timecode=start)
    return Source(
        name=name,
        frame_rate=video.frame_rate,
        start_timecode=start or video.start_timecode,
        width=video.width,
        height=video.height,
        sound=video.audio_key is not None,
        duration=video.duration_s,
    )
