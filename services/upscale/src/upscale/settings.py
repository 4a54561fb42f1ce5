"""What an operator may tune."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import SettingsConfigDict

from chassis.run import ServiceSettings
from upscale.domain.encoding import Codec, Container

__all__ = ["Settings"]


class Settings(ServiceSettings):
    """``UPSCALE_*`` in the environment, read once, in ``main``."""

    model_config = SettingsConfigDict(env_prefix="UPSCALE_", frozen=True, extra="ignore")

    engine: Literal["openvino", "torch"] = "openvino"
    """``torch`` needs the engines extra."""
    precision: Literal["auto", "f32", "bf16", "f16", "int8"] = "auto"
    """``auto``: the fastest on this machine, measured at the start, of those that stay 50 dB from exact (made twice as
    large); on CPUs without matrix units that is ``int8``. torch has no int8 and takes f16 on a GPU."""
    device: str = "auto"
    """For torch: ``auto``, ``cpu``, ``cuda``, ``cuda:1``."""
    tile_pixels: PositiveInt = 600_000
    """Largest tile in pixels of the source; a pixel takes about 1 kB. Halved by itself when memory runs out."""
    still_codes: int = Field(default=0, ge=-1, le=16)
    """What stood still since the frame before is not computed again. 0: only where no sample changed, so that the film
    is the same; more: where samples strayed by at most so many code values of 8 bits; -1: all is computed, always."""
    threads: PositiveInt | None = None
    """CPU threads of the engine; all cores when absent."""
    role: Literal["all", "control", "worker"] = "all"
    """``all``: this process does everything. Where chunks have machines of their own, those are ``worker`` and do
    nothing else, and all others are ``control`` and do all else."""
    chunks_ahead: PositiveInt = 2
    """With workers of their own: chunks on the stream beyond what these take, so that whoever scales them sees that
    there is more, also when there are none."""
    target_chunk_seconds: PositiveFloat = 120
    """Work that a chunk is aimed at, by the speed that was measured: what is lost when a worker dies, and what the
    machines share out."""
    chunk_megapixels: PositiveFloat | None = None
    """Megapixels of source that one chunk holds, measured or not; absent, as many as the target takes."""
    codec: Codec = "h264"
    """Of renditions, where a job says nothing: `h264`, `h265`, `av1` or `ffv1`."""
    crf: NonNegativeInt | None = None
    """0 is best; 18, and for AV1 30, when absent."""
    container: Container = "mp4"
    """`mp4` or `mkv`; FFV1 always goes into the latter."""
    preset: str = "faster"
    """From `ultrafast` to `veryslow`."""
    keyframe_frames: PositiveInt = 48
    """A key frame at least this often, in frames."""
    hour_price: NonNegativeFloat | None = None
    """What an hour of a worker costs; then reports say what each chunk did."""
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    """Of that price."""
    runner_secret: SecretStr | None = Field(default=None, min_length=16)
    """Signs the addresses that runners get; the same for all replicas. Without it there are no runners."""
    runner_lease_s: PositiveFloat = 60
    """A runner that has been silent for so long has lost its chunk, after the grace."""
    runner_grace_s: PositiveFloat = 30
    runner_patience_s: PositiveFloat = 20
    """How long a chunk that anybody may make is kept for idle runners before the pool may have it too."""
    runner_straggler_s: PositiveFloat = 300
    """A chunk that one runner holds for so long is given to a second one that has nothing to do."""
    runner_tries: PositiveInt = 5
    """Failures after which a chunk is given up, whoever failed; three different runners are enough."""
    runner_quarantine_after: PositiveInt = 3
    """Failures in a row after which a runner gets nothing until an operator releases it."""
    runner_url_s: PositiveFloat = 3600
    """How long an address for bytes is good; runners ask for fresh ones."""
    runner_keep_days: PositiveInt = 7
    """How long it is remembered who held a chunk that is made, and an invitation that nobody used."""
    runner_chunk_bytes: PositiveInt = 4 * 2**30
    """What a runner may hand in at most."""
