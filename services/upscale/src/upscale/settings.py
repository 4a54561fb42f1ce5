"""What an operator may tune."""

from typing import Literal

from pydantic import PositiveFloat, PositiveInt
from pydantic_settings import SettingsConfigDict

from chassis.run import ServiceSettings

__all__ = ["Settings"]


class Settings(ServiceSettings):
    """``UPSCALE_*`` in the environment, read once, in ``main``."""

    model_config = SettingsConfigDict(env_prefix="UPSCALE_", frozen=True, extra="ignore")

    engine: Literal["openvino", "torch"] = "openvino"
    """``torch`` needs the engines extra."""
    precision: Literal["auto", "f32", "bf16", "f16", "int8"] = "int8"
    """``int8`` is 3 to 4 times as fast on a CPU and 46 dB from exact; ``auto`` is the fastest without visible loss.
    torch has no int8 and takes ``auto`` for it: f16 on a GPU."""
    device: str = "auto"
    """For torch: ``auto``, ``cpu``, ``cuda``, ``cuda:1``."""
    tile_pixels: PositiveInt = 600_000
    """Largest tile in pixels of the source; a pixel takes about 1 kB. Halved by itself when memory runs out."""
    threads: PositiveInt | None = None
    """CPU threads of the engine; all cores when absent."""
    chunk_megapixels: PositiveFloat = 8.0
    """Megapixels of source that one chunk holds: what is lost when a worker dies, and what the workers share out."""
    preset: str = "faster"
    """Of the H.264 or H.265 encoder."""
    keyframe_frames: PositiveInt = 48
    """A key frame at least this often, in frames."""
