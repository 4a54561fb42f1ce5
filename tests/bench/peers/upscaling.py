"""What a program that enlarges a film is asked, and what it says on its standard output, for the bench to read."""

import argparse
import json
import resource
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """Enlarge the first frames of a film."""

    source: Path
    target: Path
    width: int
    height: int
    """Of the source."""
    rate: str
    frames: int
    scale: int
    threads: int
    param: Path
    weights: Path
    """ncnn's two files."""
    precision: str
    """For ours alone, as is the next."""
    bare: int
    """1: the network alone, over frames that were decoded before the clock starts."""
    still: int
    """``UPSCALE_STILL_CODES``."""


def job() -> Job:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    for name, kind in Job.__annotations__.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    return Job(**vars(parser.parse_args()))


def say(done: Job, seconds: float, **more: object) -> None:
    """One line: how long it took, and the most memory that it and the largest program it started ever held."""
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps({"frames": done.frames, "seconds": seconds, "peak_mib": sum(peaks), **more}), flush=True)
