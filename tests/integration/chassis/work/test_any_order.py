"""Whatever is done to tasks in whatever order, by the living and the dead: one holder, one last word, none stuck.

Hypothesis plays dispatcher, workers, operator and a forgetful Redis on the real statements and the real comparison.
The 100 plays are the same each time, so a failure comes again with the same command; it prints the shortest play that
fails, step by step. ``ANY_ORDER_EXAMPLES=2000`` looks at that many random ones; a failure prints what to replay it by.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Iterator
from dataclasses import replace
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text
from typing_extensions import override

from chassis.database import Database
from chassis.testing import drop_database, fresh_database, service_url
from chassis.work._queue import TaskQueue
from chassis.work._reconcile import Comparison
from chassis.work._store import Claim, TaskStore
from chassis.work._stream import Parcel
from support.chassis_toy import OTHER_TENANT, TENANT, VERSIONS

pytestmark = pytest.mark.servers

T = TypeVar("T")
TENANTS = (TENANT, OTHER_TENANT)
ENDED = {"done", "failed", "cancelled"}
EXAMPLES = int(os.environ.get("ANY_ORDER_EXAMPLES", "0"))
numbers = st.integers(0, 30)


class Work(RuleBasedStateMachine):
    """The task rows of one service, and everybody who has to do with them."""

    database: ClassVar[Database]
    runner: ClassVar[asyncio.Runner]

    def __init__(self) -> None:
        super().__init__()
        self.store = TaskStore("toy", lease_s=30)
        self.queue = TaskQueue()
        self.stream: list[Parcel] = []
        self.deleted: list[Parcel] = []
        self.taken: set[str] = set()
        self.claims: list[tuple[Claim, str]] = []
        self.given_out: set[tuple[UUID, int]] = set()
        self.silent: set[tuple[UUID, int]] = set()
        self.last_words: Counter[UUID] = Counter()
        self.ended: dict[UUID, str] = {}
        self.entries = 0
        self.do(self._execute("DELETE FROM tasks"))
        for tenant in TENANTS:
            self.enqueue(tenant, "normal")
        self.dispatch(1, "sent")

    def do(self, coroutine: Awaitable[T]) -> T:
        async def run() -> T:
            return await coroutine

        return self.runner.run(run())

    async def _execute(self, statement: str, **values: Any) -> Any:
        async with self.database.begin_untenanted() as connection:
            result = await connection.execute(text(statement), values)
            return result.all() if result.returns_rows else None

    def rows(self) -> dict[UUID, Any]:
        return {row.id: row for row in self.do(self._execute("SELECT * FROM tasks"))}

    def some_claim(self, number: int) -> tuple[Claim, str]:
        return self.claims[number % len(self.claims)]

    @rule(tenant=st.sampled_from(TENANTS), priority=st.sampled_from(["urgent", "normal"]))
    def enqueue(self, tenant: UUID, priority: Any) -> None:
        count = len(self.rows())

        async def enqueue() -> None:
            async with self.database.begin(tenant) as unit:
                key = f"k{count}"
                await unit.enqueue(step="s", kind="k", key=key, subject="x", payload={"run": 1}, priority=priority)

        if count < 5:
            self.do(enqueue())

    @rule(places=st.integers(1, 3), fate=st.sampled_from(["sent", "sent", "sent", "lost", "doubled"]))
    def dispatch(self, places: int, fate: str) -> None:
        async def dispatch() -> list[Any]:
            async with self.database.begin_untenanted() as connection:
                await self.queue.steady(connection)
                await self.queue.promote(connection)
                sent = []
                for priority in (await self.queue.outlook(connection)).priorities:
                    ring = await self.queue.ring(connection, priority, after=TENANT, limit=5)
                    sent += await self.queue.dispatch(connection, priority, dict.fromkeys(ring, places))
                return sent

        for task in self.do(dispatch()):
            for _ in range({"sent": 1, "lost": 0, "doubled": 2}[fate]):
                self.entries += 1
                self.stream.append(Parcel(f"{self.entries}-0", task.id, task.token))
                self.given_out.add((task.id, task.token))

    @precondition(lambda self: self.stream)
    @rule(number=numbers, worker=st.sampled_from("ab"))
    def claim(self, number: int, worker: str) -> None:
        async def claim(parcel: Parcel) -> Claim | None:
            async with self.database._single_statements() as connection:
                return await self.store.claim(connection, parcel.task_id, parcel.token, worker)

        parcel = self.stream[number % len(self.stream)]
        claim_ = self.do(claim(parcel))
        if claim_ is not None:
            self.claims.append((claim_, worker))
            self.given_out.add((claim_.id, claim_.token))

    @precondition(lambda self: self.stream)
    @rule(number=numbers)
    def take_an_entry_and_fall_silent(self, number: int) -> None:
        self.taken.add(self.stream[number % len(self.stream)].entry_id)

    @precondition(lambda self: self.claims)
    @rule(number=numbers)
    def fall_silent(self, number: int) -> None:
        claim, _ = self.some_claim(number)
        self.silent.add((claim.id, claim.token))

    @precondition(lambda self: self.claims)
    @rule(number=numbers)
    def beat(self, number: int) -> None:
        claim, _ = self.some_claim(number)
        before = self.rows()[claim.id]

        async def beat() -> str:
            async with self.database._single_statements() as connection:
                return await self.store.beat(connection, claim.id, claim.token)

        state = self.do(beat())

        ours = before.token == claim.token
        assert (state == "running") == (ours and before.state == "running")
        assert (state == "cancelled") == (before.state == "cancelled")
        if state == "running":
            self.silent.discard((claim.id, claim.token))

    @precondition(lambda self: self.claims)
    @rule(number=numbers, state=st.sampled_from(["done", "failed"]), commits=st.booleans())
    def end(self, number: int, state: Any, commits: bool) -> None:
        claim, _ = self.some_claim(number)

        async def end() -> bool:
            async with self.database._engine.connect() as connection:
                ours = await self.store.end(connection, claim.id, claim.token, state)
                await (connection.commit() if commits else connection.rollback())
                return ours

        if self.do(end()) and commits:
            self.last_words[claim.id] += 1

    @precondition(lambda self: self.claims)
    @rule(number=numbers, wait_s=st.sampled_from([0.0, 3600.0]), burned=st.booleans())
    def put_back(self, number: int, wait_s: float, burned: bool) -> None:
        claim, _ = self.some_claim(number)

        async def put_back() -> None:
            async with self.database._single_statements() as connection:
                await self.store.put_back(connection, claim.id, claim.token, wait_s=wait_s, burned=burned)

        self.do(put_back())

    @rule(tenant=st.sampled_from(TENANTS))
    def cancel(self, tenant: UUID) -> None:
        async def cancel() -> None:
            async with self.database.begin(tenant) as unit:
                await unit.cancel_tasks(subject="x")

        if len(self.rows()) > 3:
            self.do(cancel())

    @rule()
    def flush_redis(self) -> None:
        self.deleted += self.stream
        self.stream = []

    @precondition(lambda self: self.deleted)
    @rule(number=numbers)
    def redis_comes_back_with_something_old(self, number: int) -> None:
        self.stream.append(self.deleted[number % len(self.deleted)])

    @rule()
    def reconcile(self) -> None:
        async def reconcile() -> list[str]:
            async with self.database.begin_untenanted() as connection:
                rows = await self.store.in_flight(connection)
                rows = [replace(row, silent=(row.id, row.token) in self.silent) for row in rows]
                comparison = Comparison(rows)
                useless = comparison.useless(self.stream, self.taken)
                lost = comparison.lost()
                if lost:
                    await self.store.requeue(connection, lost)
                return useless

        useless = set(self.do(reconcile()))
        self.deleted += [parcel for parcel in self.stream if parcel.entry_id in useless]
        self.stream = [parcel for parcel in self.stream if parcel.entry_id not in useless]

    @invariant()
    def nobody_shares_a_task_and_what_ended_stays_ended(self) -> None:
        rows = self.rows()
        for id_, row in rows.items():
            holders = {
                worker
                for claim, worker in self.claims
                if claim.id == id_ and row.state == "running" and claim.token == row.token
            }
            assert len(holders) <= 1
            assert row.state != "queued" or (id_, row.token) not in self.given_out
            assert row.attempt >= 0
            if id_ in self.ended:
                assert row.state == self.ended[id_]
            if row.state in ENDED:
                self.ended[id_] = row.state
            assert self.last_words[id_] == (row.state in ("done", "failed"))

    @override
    def teardown(self) -> None:
        """All that live work on, the dead are buried, and Redis answers: then nothing may be left over."""
        self.claims.clear()  # the dead say nothing any more
        for _ in range(3):
            self.silent |= {(row.id, row.token) for row in self.rows().values() if row.state == "running"}
            self.reconcile()
            self.do(self._execute("UPDATE tasks SET not_before = now() WHERE state = 'queued'"))
            self.dispatch(places=5, fate="sent")
            for number in range(len(self.stream)):
                self.claim(number, "c")
            for number in range(len(self.claims)):
                self.end(number, "done", commits=True)
        self.nobody_shares_a_task_and_what_ended_stays_ended()
        assert {row.state for row in self.rows().values()} <= ENDED


@pytest.fixture
def work_on_a_database(postgres_url: str) -> Iterator[type[Work]]:
    with asyncio.Runner() as runner:
        name = runner.run(fresh_database("toy", postgres_url, versions=VERSIONS))
        Work.runner, Work.database = runner, Database(service_url("toy", postgres_url, name), service="toy")
        yield Work
        runner.run(Work.database.close())
        runner.run(drop_database(postgres_url, name))


def test_in_any_order_a_task_has_one_holder_and_one_last_word_and_is_never_stuck(
    work_on_a_database: type[Work],
) -> None:
    few = settings(
        max_examples=EXAMPLES or 100,
        stateful_step_count=25,
        derandomize=not EXAMPLES,
        print_blob=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )

    run_state_machine_as_test(work_on_a_database, settings=few)
