"""Learns from every chunk how fast machines are, and plans as much as fits them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.database import Database
from chassis.work import Task
from contracts.gateway import UpscaleOptions
from upscale.domain.pacing import measured, source_megapixels
from upscale.ports.pacing import OPERATOR, MachineClass, Paces
from upscale.ports.runners import LeaseRow, Offer, Runner
from upscale.usecases.dispatching import ByPolicy
from upscale.usecases.joining import RecordsIn
from upscale.usecases.planning import job_of

__all__ = ["ChunkLengths", "PacesIn", "class_of", "learn_from_lease", "seconds_of", "session_left_s"]

PacesIn = Callable[[Any], Paces]
"""What is remembered of the speed of machines, on a connection."""


@dataclass(frozen=True)
class ChunkLengths:
    """How much a chunk of a job holds: as much as its machines make in the time that is aimed at."""

    database: Database
    records: RecordsIn
    paces: PacesIn
    dispatch: ByPolicy
    digest_of: Callable[[str], str | None]
    """Of a model, by its name; None if it is not here."""
    target_s: float
    always: float | None
    """What the operator set, measured or not."""
    at_first: float
    """Where nothing was measured yet."""

    async def __call__(self, task: Task, options: UpscaleOptions) -> float:
        """Megapixels of source. A later run of a job takes what the first one took, or no chunk would fit any more."""
        async with self.database.begin(task.tenant_id) as work:
            known = await self.records(work).chunk_megapixels(job_of(task)) or self.always
            if known is not None:
                return known
        model, policy = await asyncio.to_thread(self.digest_of, options.model), self.dispatch.choose(options.dispatch)
        if model is None:
            return self.at_first
        async with self.database.begin(task.tenant_id) as work:
            fastest = await self.paces(work.connection).fastest(task.tenant_id, model, policy)
        if fastest is None:
            return self.at_first
        return source_megapixels(fastest, target_s=self.target_s, scale=options.scale)


def class_of(runner: Runner) -> MachineClass:
    """Which machines a runner is like. One that works for all was let in by the operator."""
    owner = OPERATOR if runner.scope == "shared" else runner.tenant_id
    return MachineClass(owner, "colab", runner.machine)


async def learn_from_lease(paces: Paces, runner: Runner, lease: LeaseRow, offer: Offer, *, frames: int) -> None:
    """Count a chunk in that a runner has made, by its own word and the time it had."""
    pace = measured(seconds_of(lease), frames * offer.frame_megapixels)
    kind = class_of(runner)
    if pace is not None:
        await paces.note(kind, offer.model_sha256, pace)
    tile = lease.report.get("tile_pixels")
    if tile:
        await paces.note_tile(kind, offer.model_sha256, int(tile))


def seconds_of(lease: LeaseRow) -> float:
    """What a chunk took that was handed in: by its runner's word, as far as it can be true, for it had it no longer."""
    said = float(lease.report.get("seconds", 0.0))
    if lease.claimed_at is None or lease.changed_at is None:
        return said
    wall_s = max(0.0, (lease.changed_at - lease.claimed_at).total_seconds())
    return said if 0 < said <= wall_s else round(wall_s, 3)


def session_left_s(capabilities: Mapping[str, Any], *, now: datetime | None = None) -> float | None:
    """Seconds until a machine's session ends, as it says itself; None if it knows of no end."""
    said = capabilities.get("session_ends_at")
    if said is None:
        return None
    ends_at = datetime.fromisoformat(str(said))
    ends_at = ends_at.replace(tzinfo=ends_at.tzinfo or UTC)
    return max(0.0, (ends_at - (now or datetime.now(UTC))).total_seconds())
