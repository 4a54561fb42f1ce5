"""What this machine is and has, found out without loading an engine."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

from upscale.adapters.weights import MODELS
from upscale.api.schemas import Capabilities

__all__ = ["capabilities_here"]


def capabilities_here(folder: Path, *, tile_pixels: int, frames_per_second: float | None = None) -> Capabilities:
    """As the server wants to know it."""
    name, driver, total, free = _gpu()
    return Capabilities(
        gpu=name,
        processor=_processor()[:200],
        driver=driver,
        vram_bytes=total,
        vram_free_bytes=free,
        disk_free_bytes=shutil.disk_usage(folder).free,
        models={model.name: model.sha256 for model in MODELS.values()},
        largest_tile_pixels=tile_pixels,
        frames_per_second=frames_per_second,
    )


def _gpu() -> tuple[str | None, str, int | None, int | None]:
    """Name, driver, memory and free memory of the first GPU, as the driver's own tool says; nothing without one."""
    command = [
        "nvidia-smi",
        "--query-gpu=name,driver_version,memory.total,memory.free",
        "--format=csv,noheader,nounits",
    ]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        name, driver, total, free = (part.strip() for part in said.splitlines()[0].split(","))
        return name, driver, int(total) << 20, int(free) << 20
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None, "", None, None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{named or platform.processor() or platform.machine()}, {os.cpu_count()} cores"
