"""What is remembered of runners."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from upscale.ports.runners import LeaseRow, Offer, Registration, Runner, Standing

__all__ = ["RunnerRecords"]


class RunnerRecords(Protocol):
    """What is remembered of machines, offers and leases, over all tenants: a shared runner works for each of them."""

    async def invite(self, runner: Runner, /) -> None:
        """Remember an invitation; a second telling changes nothing."""
        ...

    async def runner(self, runner_id: UUID, *, lock: bool = False) -> Runner | None:
        """One machine."""
        ...

    async def register(self, runner_id: UUID, said: Registration, *, secret_sha256: str) -> bool:
        """Let an invitation become a machine; False if it was used, revoked, or has expired."""
        ...

    async def set_runner(self, runner_id: UUID, **values: Any) -> None:
        """Note these of a machine."""
        ...

    async def see(self, runner_id: UUID, *, said: tuple[dict[str, Any], Sequence[str]] | None = None) -> bool:
        """A sign of life, and what it says of itself and its models; True if the machine was not online before."""
        ...

    async def credit(self, runner_id: UUID, *, failed: bool) -> int:
        """Count a chunk that was accepted, or a failure; returns the failures in a row."""
        ...

    async def silent(self, *, silent_s: float) -> Sequence[Runner]:
        """Machines that are online by what is noted, hold nothing, and have been silent for so long."""
        ...

    async def lose(self, runner_id: UUID, *, silent_s: float) -> bool:
        """Note that a machine is gone, if it is silent still."""
        ...

    async def idle(self, tenant_id: UUID, *, model_sha256: str) -> int:
        """Machines online that may work for the tenant with this model, and hold nothing."""
        ...

    async def eligible(self, tenant_id: UUID, *, model_sha256: str) -> int:
        """Those online, busy or not."""
        ...

    async def offer(self, offer: Offer, /, *, to_pool_after_s: float | None) -> None:
        """Let runners have a chunk; a second telling changes nothing."""
        ...

    async def offers(self, job_id: UUID, run: int) -> Sequence[Offer]:
        """All of one run."""
        ...

    async def offer_of(self, job_id: UUID, run: int, index: int, *, lock: bool = False) -> Offer | None:
        """That of one chunk."""
        ...

    async def any_open(self) -> bool:
        """Whether any chunk waits for a runner."""
        ...

    async def claim(
        self, runner: Runner, able: Mapping[str, float], *, lease_s: float, straggler_s: float
    ) -> tuple[Offer, LeaseRow] | None:
        """Give the runner the next chunk it may have, under the next token. ``able``: what it can make, by model."""
        ...

    async def held(self, runner_id: UUID) -> Sequence[LeaseRow]:
        """What a runner has in its hands."""
        ...

    async def give_up(self, runner_id: UUID) -> None:
        """Let others have what a runner holds."""
        ...

    async def standing(self, chunk_id: UUID, token: int, runner_id: UUID | None) -> Standing | None:
        """A lease, and its offer, which is locked; None if there is none, or it never was this runner's."""
        ...

    async def may_hand_in(self, output_key: str) -> bool:
        """Whether a lease that is alive, of a chunk that is wanted, hands in under this key."""
        ...

    async def renew(
        self, chunk_id: UUID, token: int, *, lease_s: float, frames_done: int, said: dict[str, Any]
    ) -> bool:
        """Prolong a lease, and note what its holder says of the work so far; False if it is over."""
        ...

    async def settle(self, chunk_id: UUID, token: int, state: str, **values: Any) -> None:
        """Say how a lease ended, or that its chunk was handed in."""
        ...

    async def set_offer(self, chunk_id: UUID, state: str, **values: Any) -> None:
        """Say what became of an offer."""
        ...

    async def live_leases(self, chunk_id: UUID) -> int:
        """How many work on a chunk, or have handed it in."""
        ...

    async def take_for_pool(self, job_id: UUID, run: int, index: int) -> bool:
        """Let the pool make a chunk; False if a runner has it already."""
        ...

    async def overdue(self, *, grace_s: float) -> Sequence[LeaseRow]:
        """Leases whose time is over."""
        ...

    async def lapse(self, chunk_id: UUID, token: int, *, grace_s: float) -> bool:
        """End a lease if its time is over still; nobody can write by it any more."""
        ...

    async def due_for_pool(self) -> Sequence[Offer]:
        """Open offers that anybody may make and that no runner took in time."""
        ...

    async def take_out_of_waiting(self, chunk_id: UUID) -> bool:
        """Note that the pool may have a chunk now; False if that was noted, or it is not open any more."""
        ...

    async def withdraw(self, *, job_id: UUID | None = None, before_run: int | None = None) -> int:
        """Let nobody work for a job any more, or for its earlier runs; returns how many offers that ended."""
        ...

    async def set_paused(self, tenant_id: UUID, *, paused: bool, at: datetime) -> None:
        """Let runners leave a tenant's chunks, or take them again; what was said earlier and comes late is void."""
        ...

    async def tidy(self, *, keep_days: int, limit: int) -> int:
        """Forget offers that are over with their leases, and invitations that nobody used, once they are old."""
        ...

    async def erase(self, *, job_ids: Sequence[UUID] = (), tenant_id: UUID | None = None) -> dict[str, int]:
        """Forget offers and leases of jobs, or all of a tenant with its machines; returns how many rows of what."""
        ...
