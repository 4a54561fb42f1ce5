"""What kind of machine a worker runs on: machines that are alike are as fast."""

import os
import platform
import subprocess
from pathlib import Path

from upscale.domain.pacing import MACHINE_CHARACTERS
from upscale.ports import Workshop
from upscale.ports.pacing import OPERATOR, MachineClass

__all__ = ["class_of_worker"]


def class_of_worker(workshop: Workshop) -> MachineClass:
    """A worker's class. Without a GPU, or with an engine that has no use for one, it is its processor."""
    name = _gpu() if workshop.engine == "torch" and workshop.device != "cpu" else None
    if name is not None:
        return MachineClass(OPERATOR, "gpu", f"{name}, {workshop.precision}"[:MACHINE_CHARACTERS])
    words = f"{_processor()}, {workshop.engine} {workshop.precision}"
    return MachineClass(OPERATOR, "local", words[:MACHINE_CHARACTERS])


def _gpu() -> str | None:
    """Name of the first GPU, as the driver's own tool says."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return next((line.strip() for line in said.splitlines() if line.strip()), None)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{named or platform.processor() or platform.machine()}, {os.cpu_count()} cores"
