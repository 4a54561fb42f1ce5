"""What a result folder holds, read back into models. Every part may be absent."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from contracts.documents import JobReport, Ledger, Media, QualityReport, Scenes, Transcript, Watermarks

__all__ = ["Documents", "read_documents"]

D = TypeVar("D", bound=BaseModel)


@dataclass(frozen=True)
class Documents:
    """The documents of one job."""

    folder: Path
    media: Media | None = None
    scenes: Scenes | None = None
    transcript: Transcript | None = None
    ledger: Ledger | None = None
    watermarks: Watermarks | None = None
    quality: QualityReport | None = None
    job: JobReport | None = None

    @property
    def duration(self) -> float:
        """Seconds of film, from whoever knows it; never 0."""
        ends = [self.media.duration] if self.media else []
        ends += [scene.end for scene in self.scenes.scenes[-1:]] if self.scenes else []
        ends += [self.transcript.duration] if self.transcript else []
        return max([*ends, 0.001])

    @property
    def frame_rate(self) -> float:
        """Frames per second; 25 when nobody says."""
        if not self.media:
            return 25.0
        above, _, below = self.media.frame_rate.partition("/")
        return float(above) / float(below or 1) or 25.0


def read_documents(folder: Path) -> Documents:
    """Whatever documents lie in ``folder``. A file that is there but makes no sense raises ``ValidationError``."""

    def read(name: str, kind: type[D]) -> D | None:
        path = folder / name
        return kind.model_validate_json(path.read_bytes()) if path.exists() else None

    return Documents(
        folder=folder,
        media=read("media.json", Media),
        scenes=read("scenes.json", Scenes),
        transcript=read("transcript.json", Transcript),
        ledger=read("ledger.json", Ledger),
        watermarks=read("watermarks.json", Watermarks),
        quality=read("qc.json", QualityReport),
        job=read("job.json", JobReport),
    )
