"""What runners send and are answered."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from upscale.domain.plan import Plan
from upscale.domain.runners import Reason

__all__ = [
    "Addresses",
    "Capabilities",
    "Chunk",
    "ClaimRequest",
    "CompleteRequest",
    "FailRequest",
    "FieldProblem",
    "Intervals",
    "Lease",
    "NewSecret",
    "Parameters",
    "Problem",
    "RegisterRequest",
    "Registered",
    "RenewRequest",
    "Renewed",
    "TokenRequest",
]

_SHA256 = r"^[0-9a-f]{64}$"


class _Asked(BaseModel):
    """Fields that are not known here are let pass: a newer program may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Capabilities(_Asked):
    """What a machine is and has."""

    gpu: str | None = Field(default=None, max_length=200, description="Absent: it computes on its processor.")
    processor: str = Field(default="", max_length=200)
    vram_bytes: int | None = Field(default=None, ge=0)
    vram_free_bytes: int | None = Field(default=None, ge=0)
    disk_free_bytes: int | None = Field(default=None, ge=0)
    driver: str = Field(default="", max_length=200)
    models: dict[str, str] = Field(default_factory=dict, max_length=100, description="Digests of models, by name.")
    largest_tile_pixels: int | None = Field(default=None, ge=1)
    frames_per_second: float | None = Field(default=None, ge=0, description="Measured; absent before the first chunk.")
    session_ends_at: datetime | None = None


class RegisterRequest(_Asked):
    """A machine that has a token."""

    token: str = Field(min_length=40, max_length=200)
    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
    protocol: int = Field(ge=0)
    ephemeral: bool = Field(default=False, description="One session, then void.")
    capabilities: Capabilities = Capabilities()


class Intervals(_Answer):
    """What the server sets."""

    lease_s: float
    renew_s: float
    grace_s: float
    poll_s: float


class Registered(_Answer):
    """A machine that may ask for work."""

    runner_id: UUID
    secret: str = Field(description="Shown once. `Authorization: Bearer <secret>` from now on.")
    protocol: int
    intervals: Intervals


class NewSecret(_Answer):
    """A secret that replaces the one before."""

    secret: str


class ClaimRequest(_Asked):
    """Asks for work."""

    protocol: int = Field(ge=0)
    wait_s: float = Field(default=25.0, ge=0, le=60)
    capabilities: Capabilities | None = Field(default=None, description="Where they changed.")


class Chunk(_Answer):
    """Frames of a film."""

    id: UUID
    index: int
    frames: int
    start_s: float
    end_s: float


class Parameters(_Answer):
    """How the chunk is to be made."""

    plan: Plan = Field(description="What the service planned, cut down to this chunk.")
    tile_pixels: int | None = Field(
        default=None,
        description="Begin with tiles of at most so many pixels of the source: machines like this one had"
        " no memory for larger ones.",
    )


class Lease(_Answer):
    """A chunk, for a while. Renew the lease before you begin."""

    chunk: Chunk
    attempt: int
    fencing_token: int
    lease_until: datetime
    intervals: Intervals
    input_url: str = Field(description="Answers to Range; may be relative to the server's own address.")
    output_url: str = Field(description="Takes the chunk in pieces, by Content-Range.")
    source_sha256: str
    parameters: Parameters
    rotate: bool = Field(default=False, description="Fetch a new secret.")


class TokenRequest(_Asked):
    """What every word about a lease carries."""

    fencing_token: int = Field(ge=1, le=2**62)


class RenewRequest(TokenRequest):
    """A sign of life, with progress."""

    frames_done: int = Field(default=0, ge=0, le=2**31 - 1)
    frames_per_second: float | None = Field(default=None, ge=0)
    vram_free_bytes: int | None = Field(default=None, ge=0)
    seconds: float = Field(default=0.0, ge=0, description="Spent on this chunk so far: what it will cost.")


class Renewed(_Answer):
    """What to do now."""

    command: Literal["continue", "cancel", "drain", "pause"]
    lease_until: datetime
    rotate: bool = False


class Addresses(_Answer):
    """Fresh ones."""

    input_url: str
    output_url: str


class CompleteRequest(TokenRequest):
    """A chunk that was handed in at `output_url`."""

    sha256: str = Field(pattern=_SHA256)
    bytes: int = Field(gt=0, le=2**53)
    frames: int = Field(gt=0, le=2**31 - 1)
    first_pts: int = Field(ge=-(2**63), lt=2**63)
    last_pts: int = Field(ge=-(2**63), lt=2**63)
    encoder: str = Field(min_length=1, max_length=200)
    model_sha256: str = Field(pattern=_SHA256)
    seconds: float = Field(ge=0)
    tile_pixels: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Where memory ran out: what fitted.")
    partial: bool = Field(default=False, description="The machine must go: these frames are done, the rest is not.")


class FailRequest(TokenRequest):
    """A chunk that comes back."""

    reason: Reason
    detail: str = Field(default="", max_length=2000)
    tile_pixels: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="With `oom`: the tile that was too large."
    )


class FieldProblem(_Answer):
    """One field that is not acceptable."""

    field: str
    detail: str


class Problem(_Answer):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str
    errors: tuple[FieldProblem, ...] = ()
