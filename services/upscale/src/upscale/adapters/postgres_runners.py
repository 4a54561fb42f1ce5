"""Machines, offers and leases in PostgreSQL. Whoever changes a lease holds its offer's row first."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, case, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from upscale.adapters.postgres_machines import PostgresMachines
from upscale.adapters.runner_tables import budgets, leases, offers, runners
from upscale.domain.pacing import SHORTEST
from upscale.ports.runners import LeaseRow, Offer, Runner, Standing

__all__ = ["PostgresRunnerRecords"]

_OFFER = [offers.c[name] for name in Offer.__dataclass_fields__]
_LEASE = [leases.c[name] for name in LeaseRow.__dataclass_fields__]
_HELD = leases.c.state.in_(("claimed", "working"))
_LIVE = leases.c.state.in_(("claimed", "working", "uploaded"))

_MAY = """
    NOT o.paused AND (:shared OR o.tenant_id = :tenant)
    AND EXISTS (SELECT FROM unnest(CAST(:models AS text[]), CAST(:megapixels AS float8[])) AS able(model, most)
                WHERE able.model = o.model_sha256 AND o.frame_megapixels * least(o.frames, :shortest) <= able.most)
    AND (NOT (:runner = ANY(o.failed_on)) OR NOT EXISTS (
        SELECT FROM runners r WHERE (r.tenant_id = o.tenant_id OR r.scope = 'shared') AND r.online AND NOT r.revoked
        AND r.quarantined IS NULL AND r.wish = 'work' AND o.model_sha256 = ANY(r.models)
        AND NOT (r.runner_id = ANY(o.failed_on))))
"""
# A machine is given again what it failed on where there is no other, but after all else: nothing starves behind it.
_TURN = """
    :runner = ANY(o.failed_on), CASE o.priority WHEN 'urgent' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END,
    (SELECT count(*) FROM leases l WHERE l.tenant_id = o.tenant_id AND l.state IN ('claimed', 'working', 'uploaded')),
    o.created_at, o.chunk_id
"""
_TAKE = "UPDATE offers SET state = 'leased', token = offers.token + 1, changed_at = now() FROM chosen"
_TAKEN = f"WHERE offers.chunk_id = chosen.chunk_id RETURNING {', '.join(f'offers.{c.name}' for c in _OFFER)}".replace(
    "offers.index", 'offers."index"'
)
_CLAIM = text(
    f"""
    WITH chosen AS (SELECT o.chunk_id FROM offers o WHERE o.state = 'open' AND {_MAY}
        ORDER BY {_TURN} LIMIT 1 FOR UPDATE OF o SKIP LOCKED)
    {_TAKE} {_TAKEN}
    """
).columns(*_OFFER)
_STRAGGLER = text(
    f"""
    WITH chosen AS (SELECT o.chunk_id FROM offers o WHERE o.state = 'leased' AND {_MAY}
        AND 1 = (SELECT count(*) FROM leases l WHERE l.chunk_id = o.chunk_id
                 AND l.state IN ('claimed', 'working', 'uploaded'))
        AND EXISTS (SELECT FROM leases l WHERE l.chunk_id = o.chunk_id AND l.state IN ('claimed', 'working')
                    AND l.claimed_at < now() - CAST(:age AS interval) AND l.runner_id <> :runner)
        ORDER BY o.changed_at LIMIT 1 FOR UPDATE OF o SKIP LOCKED)
    {_TAKE} {_TAKEN}
    """
).columns(*_OFFER)


class PostgresRunnerRecords(PostgresMachines):
    """The port ``RunnerRecords`` within one transaction, which somebody else commits."""

    async def offer(self, offer: Offer, *, to_pool_after_s: float | None) -> None:
        """Let runners have a chunk; a second telling changes nothing."""
        await self._hold_budget(offer.tenant_id, shared=True)
        spent = select(budgets.c.spent).where(budgets.c.tenant_id == offer.tenant_id).scalar_subquery()
        pool_after = None if to_pool_after_s is None else func.now() + timedelta(seconds=to_pool_after_s)
        values = {name: getattr(offer, name) for name in Offer.__dataclass_fields__ if name != "failed_on"}
        row = insert(offers).values(**values, paused=func.coalesce(spent, False), pool_after=pool_after)
        await self._connection.execute(row.on_conflict_do_nothing())

    async def offers(self, job_id: UUID, run: int) -> Sequence[Offer]:
        """All of one run."""
        query = select(*_OFFER).where(offers.c.job_id == job_id, offers.c.run == run)
        return [_offer(row) for row in await self._connection.execute(query)]

    async def offer_of(self, job_id: UUID, run: int, index: int, *, lock: bool = False) -> Offer | None:
        """That of one chunk."""
        query = select(*_OFFER).where(*_chunk(job_id, run, index))
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        return None if row is None else _offer(row)

    async def any_open(self) -> bool:
        """Whether any chunk waits for a runner, and may be made."""
        waits = select(offers).where(offers.c.state == "open", offers.c.paused.is_(False))
        return bool(await self._connection.scalar(select(waits.exists())))

    async def claim(
        self, runner: Runner, able: Mapping[str, float], *, lease_s: float, straggler_s: float
    ) -> tuple[Offer, LeaseRow] | None:
        """Give the runner the next chunk it may have, under the next token. ``able``: what it can make, by model."""
        may = {
            "shared": runner.scope == "shared",
            "tenant": runner.tenant_id,
            "models": list(able),
            "megapixels": list(able.values()),
            "shortest": SHORTEST,
            "runner": runner.runner_id,
        }
        row = (await self._connection.execute(_CLAIM, may)).one_or_none()
        if row is None:
            values = {**may, "age": timedelta(seconds=straggler_s)}
            row = (await self._connection.execute(_STRAGGLER, values)).one_or_none()
        if row is None:
            return None
        offer = _offer(row)
        lease = insert(leases).values(
            chunk_id=offer.chunk_id,
            token=offer.token,
            tenant_id=offer.tenant_id,
            runner_id=runner.runner_id,
            state="claimed",
            lease_until=func.now() + timedelta(seconds=lease_s),
            output_key="",
        )
        made = (await self._connection.execute(lease.returning(*_LEASE))).one()
        return offer, LeaseRow(**made._mapping)

    async def standing(self, chunk_id: UUID, token: int, runner_id: UUID | None) -> Standing | None:
        """A lease, and its offer, which is locked; None if there is none, or it never was this runner's."""
        query = select(*_OFFER).where(offers.c.chunk_id == chunk_id).with_for_update()
        offer = (await self._connection.execute(query)).one_or_none()
        found = select(*_LEASE).where(leases.c.chunk_id == chunk_id, leases.c.token == token)
        if runner_id is not None:
            found = found.where(leases.c.runner_id == runner_id)
        lease = (await self._connection.execute(found)).one_or_none()
        return None if offer is None or lease is None else Standing(LeaseRow(**lease._mapping), _offer(offer))

    async def may_hand_in(self, output_key: str) -> bool:
        """Whether a lease that is alive, of a chunk that is wanted, hands in under this key."""
        query = select(leases.c.token).join_from(leases, offers, offers.c.chunk_id == leases.c.chunk_id)
        alive = query.where(leases.c.output_key == output_key, _HELD, offers.c.state.in_(("leased", "pooled")))
        return await self._connection.scalar(alive.limit(1)) is not None

    async def renew(
        self, chunk_id: UUID, token: int, *, lease_s: float, frames_done: int, said: dict[str, Any]
    ) -> bool:
        """Prolong a lease, and note what its holder says of the work so far; False if it is over.

        It is when somebody has ended it, and not before: the time that a word was under way costs nobody his work.
        """
        row = update(leases).where(leases.c.chunk_id == chunk_id, leases.c.token == token, _HELD)
        until = func.now() + timedelta(seconds=lease_s)
        values = {"state": "working", "lease_until": until, "frames_done": frames_done, "report": said}
        return (await self._connection.execute(row.values(**values))).rowcount == 1

    async def settle(self, chunk_id: UUID, token: int, state: str, **values: Any) -> None:
        """Say how a lease ended, or that its chunk was handed in."""
        row = update(leases).where(leases.c.chunk_id == chunk_id, leases.c.token == token)
        await self._connection.execute(row.values(state=state, changed_at=func.now(), **values))

    async def set_offer(self, chunk_id: UUID, state: str, **values: Any) -> None:
        """Say what became of an offer."""
        row = update(offers).where(offers.c.chunk_id == chunk_id)
        await self._connection.execute(row.values(state=state, changed_at=func.now(), **values))

    async def live_leases(self, chunk_id: UUID) -> int:
        """How many work on a chunk, or have handed it in."""
        return await self._count(select(leases.c.token).where(leases.c.chunk_id == chunk_id, _LIVE))

    async def take_for_pool(self, job_id: UUID, run: int, index: int) -> bool:
        """Let the pool make a chunk; False if a runner has it already."""
        offer = await self.offer_of(job_id, run, index, lock=True)
        if offer is None:
            return True
        if offer.state == "open":
            await self.set_offer(offer.chunk_id, "pooled")
        return offer.state in ("open", "pooled")

    async def overdue(self, *, grace_s: float) -> Sequence[LeaseRow]:
        """Leases whose time is over."""
        over = leases.c.lease_until + timedelta(seconds=grace_s) < func.now()
        return [LeaseRow(**row._mapping) for row in await self._connection.execute(select(*_LEASE).where(_HELD, over))]

    async def lapse(self, chunk_id: UUID, token: int, *, grace_s: float) -> bool:
        """End a lease if its time is over still; nobody can write by it any more."""
        over = leases.c.lease_until + timedelta(seconds=grace_s) < func.now()
        row = update(leases).where(leases.c.chunk_id == chunk_id, leases.c.token == token, _HELD, over)
        return (await self._connection.execute(row.values(state="lapsed", changed_at=func.now()))).rowcount == 1

    async def due_for_pool(self) -> Sequence[Offer]:
        """Open offers that anybody may make and that no runner took in time."""
        waited = offers.c.pool_after <= func.now()
        found = await self._connection.execute(select(*_OFFER).where(offers.c.state == "open", waited))
        return [_offer(row) for row in found]

    async def take_out_of_waiting(self, chunk_id: UUID) -> bool:
        """Note that the pool may have a chunk now; False if that was noted, or it is not open any more."""
        waits = offers.c.chunk_id == chunk_id, offers.c.state == "open", offers.c.pool_after.is_not(None)
        return (await self._connection.execute(update(offers).where(*waits).values(pool_after=None))).rowcount == 1

    async def withdraw(self, *, job_id: UUID | None = None, before_run: int | None = None) -> int:
        """Let nobody work for a job any more, or for its earlier runs; returns how many offers that ended."""
        row = update(offers).where(offers.c.job_id == job_id, offers.c.state.in_(("open", "leased", "pooled")))
        if before_run is not None:
            row = row.where(offers.c.run < before_run)
        return (await self._connection.execute(row.values(state="withdrawn", changed_at=func.now()))).rowcount

    async def set_paused(self, tenant_id: UUID, *, paused: bool, at: datetime) -> None:
        """Let runners leave a tenant's chunks, or take them again; what was said earlier and comes late is void."""
        await self._hold_budget(tenant_id, shared=False)
        row = insert(budgets).values(tenant_id=tenant_id, spent=paused, told_at=at)
        newer = row.on_conflict_do_update(
            index_elements=["tenant_id"], set_={"spent": paused, "told_at": at}, where=budgets.c.told_at <= at
        )
        if (await self._connection.execute(newer)).rowcount:
            await self._connection.execute(update(offers).where(offers.c.tenant_id == tenant_id).values(paused=paused))

    async def erase(self, *, job_ids: Sequence[UUID] = (), tenant_id: UUID | None = None) -> dict[str, int]:
        """Forget offers and leases of jobs, or all of a tenant with its machines; returns how many rows of what."""
        mine = or_(offers.c.job_id.in_(job_ids), offers.c.tenant_id == tenant_id)
        counts = {}
        held = delete(leases).where(leases.c.chunk_id.in_(select(offers.c.chunk_id).where(mine)))
        counts["leases"] = (await self._connection.execute(held)).rowcount
        counts["offers"] = (await self._connection.execute(delete(offers).where(mine))).rowcount
        if tenant_id is not None:
            own = delete(runners).where(runners.c.tenant_id == tenant_id)
            counts["runners"] = (await self._connection.execute(own)).rowcount
        return {name: count for name, count in counts.items() if count}

    async def held(self, runner_id: UUID) -> Sequence[LeaseRow]:
        """What a runner has in its hands."""
        found = await self._connection.execute(select(*_LEASE).where(leases.c.runner_id == runner_id, _HELD))
        return [LeaseRow(**row._mapping) for row in found]

    async def tidy(self, *, keep_days: int, limit: int) -> int:
        """Forget offers that are over with their leases, and invitations that nobody used, once they are old."""
        old = func.now() - timedelta(days=keep_days)
        over = select(offers.c.chunk_id).where(offers.c.state.in_(("done", "withdrawn")), offers.c.changed_at < old)
        gone = await self._connection.execute(delete(offers).where(offers.c.chunk_id.in_(over.limit(limit))))
        unused = runners.c.registered_at.is_(None), runners.c.expires_at < old
        return gone.rowcount + (await self._connection.execute(delete(runners).where(*unused))).rowcount

    async def _hold_budget(self, tenant_id: UUID, *, shared: bool) -> None:
        """Let nobody change whether a tenant may spend while its chunks are offered, or the other way round."""
        lock = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        await self._connection.execute(select(lock(func.hashtextextended(f"budget/{tenant_id}", 0))))

    async def give_up(self, runner_id: UUID) -> None:
        """Let others have what a runner holds: it goes, or asks for another chunk and so has lost the one it had."""
        query = select(leases.c.chunk_id, leases.c.token)
        query = query.join_from(offers, leases, offers.c.chunk_id == leases.c.chunk_id)
        held = query.where(leases.c.runner_id == runner_id, _HELD).with_for_update(of=[offers, leases])
        for chunk_id, token in (await self._connection.execute(held)).all():
            await self.settle(chunk_id, token, "lapsed")
            if not await self.live_leases(chunk_id):
                row = update(offers).where(offers.c.chunk_id == chunk_id, offers.c.state == "leased")
                await self._connection.execute(row.values(state="open", changed_at=func.now(), pool_after=_for_pool()))


def _for_pool() -> Any:
    """What anybody may make and comes back goes to the pool too, now: nobody may be left who would take it."""
    return case((offers.c.policy == "auto", func.now()), else_=None)


def _chunk(job_id: UUID, run: int, index: int) -> tuple[Any, ...]:
    return offers.c.job_id == job_id, offers.c.run == run, offers.c.index == index


def _offer(row: Row[Any]) -> Offer:
    values = {name: row._mapping[name] for name in Offer.__dataclass_fields__}
    return Offer(**{**values, "failed_on": tuple(values["failed_on"])})
