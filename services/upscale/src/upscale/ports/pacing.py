"""What is remembered of the speed of machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from contracts.upscale import UpscalePool
from upscale.domain.runners import Policy

__all__ = ["OPERATOR", "MachineClass", "Pace", "Paces", "Pool"]

Pool = UpscalePool
OPERATOR = UUID(int=0)
"""Whose the machines are that work for all: what is measured on them counts for all."""


@dataclass(frozen=True)
class MachineClass:
    """Machines that are alike."""

    tenant_id: UUID
    """Whose they are, or ``OPERATOR``: what one tenant's machines say of themselves is nothing to another."""
    pool: Pool
    machine: str
    """Name of the GPU, or of the processor."""


@dataclass(frozen=True)
class Pace:
    """What was learnt of a class of machines with one model."""

    seconds_per_megapixel: float | None
    tile_pixels: int | None = None


class Paces(Protocol):
    """Moving averages over the chunks that were accepted."""

    async def note(self, kind: MachineClass, model_sha256: str, seconds_per_megapixel: float, /) -> None:
        """Count one more chunk in."""
        ...

    async def note_tile(self, kind: MachineClass, model_sha256: str, tile_pixels: int, /) -> None:
        """Remember the largest tile that such a machine has memory for."""
        ...

    async def of(self, kind: MachineClass, models: Sequence[str], /) -> Mapping[str, Pace]:
        """What is known, by model."""
        ...

    async def fastest(self, tenant_id: UUID, model_sha256: str, policy: Policy) -> float | None:
        """Seconds for a megapixel on the fastest class of machines that would make a job of this tenant."""
        ...

    async def forget(self, *, tenant_id: UUID | None = None, older_than_days: int | None = None) -> int:
        """Drop what was measured on a tenant's machines, or long ago; returns how many rows."""
        ...
