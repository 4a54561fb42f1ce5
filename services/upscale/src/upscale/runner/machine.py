"""What this machine is and has, found out without loading an engine."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from upscale.api.schemas import Capabilities

__all__ = ["Gpu", "capabilities_here", "gpu_here", "processor_here"]


@dataclass(frozen=True)
class Gpu:
    """The first GPU, as the driver's own tool says; without a name there is none."""

    name: str | None = None
    driver: str = ""
    total: int | None = None
    """Bytes of memory."""
    free: int | None = None


def capabilities_here(
    folder: Path, *, models: Mapping[str, str], tile_pixels: int, frames_per_second: float | None = None
) -> Capabilities:
    """As the server wants to know it."""
    gpu = gpu_here()
    return Capabilities(
        gpu=gpu.name,
        processor=processor_here(),
        driver=gpu.driver,
        vram_bytes=gpu.total,
        vram_free_bytes=gpu.free,
        disk_free_bytes=shutil.disk_usage(folder).free,
        models=dict(models),
        largest_tile_pixels=tile_pixels,
        frames_per_second=frames_per_second,
    )


def gpu_here() -> Gpu:
    """Asked anew each time, for its free memory changes."""
    command = [
        "nvidia-smi",
        "--query-gpu=name,driver_version,memory.total,memory.free",
        "--format=csv,noheader,nounits",
    ]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        name, driver, total, free = (part.strip() for part in said.splitlines()[0].split(","))
        return Gpu(name, driver, int(total) << 20, int(free) << 20)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return Gpu()


def processor_here() -> str:
    """Its name and how many cores may be used."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{named or platform.processor() or platform.machine()}, {os.cpu_count()} cores"[:200]
