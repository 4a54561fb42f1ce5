"""Who is next."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from chassis.work._fairness import FairChoice

A, B, C, D = (UUID(int=n) for n in (1, 2, 3, 4))
NORMAL = 1


def ring_of(queued: Counter[UUID], choice: FairChoice) -> list[UUID]:
    """As the database answers: tenants that have something queued, behind whoever was served last."""
    waiting = sorted(tenant for tenant, count in queued.items() if count)
    last = choice.after(NORMAL)
    return [t for t in waiting if t > last] + [t for t in waiting if t <= last]


def take(choice: FairChoice, queued: Counter[UUID], free: int, in_flight: Counter[UUID] | None = None) -> list[UUID]:
    """The tenants of one round's tasks, in order; the queue and what is in flight change accordingly."""
    in_flight = Counter() if in_flight is None else in_flight
    order: list[UUID] = []
    while free > 0:
        shares = choice.shares(ring_of(queued, choice), in_flight, free)
        got = {tenant: min(share, queued[tenant]) for tenant, share in shares.items()}
        turns = [t for turn in range(max(got.values(), default=0)) for t, size in got.items() if turn < size]
        if not turns:
            break
        queued.subtract(turns)
        in_flight.update(turns)
        choice.served(NORMAL, turns[-1])
        order += turns
        free -= len(turns)
    return order


def test_tenants_take_turns_however_much_one_has_queued() -> None:
    queued = Counter({A: 50, B: 2, C: 1})

    order = take(FairChoice(tenant_cap=None), queued, free=6)

    assert order == [A, B, C, A, B, A]


def test_turns_go_on_from_one_round_to_the_next() -> None:
    choice = FairChoice(tenant_cap=None)
    queued = Counter({A: 3, B: 3, C: 3})

    order = [take(choice, queued, free=1) for _ in range(4)]

    assert order == [[A], [B], [C], [A]]


def test_one_more_tenant_waits_for_one_turn_of_each_other_at_most() -> None:
    choice = FairChoice(tenant_cap=None)
    queued = Counter({A: 1000, B: 1000, D: 1000})
    take(choice, queued, free=10)

    queued[C] = 1
    order = take(choice, queued, free=4)

    assert C in order


def test_a_tenant_at_its_cap_waits_and_the_others_do_not() -> None:
    choice = FairChoice(tenant_cap=2)
    in_flight = Counter({A: 1})

    order = take(choice, Counter({A: 4, B: 1}), 5, in_flight)

    assert Counter(order) == {A: 1, B: 1}
    assert choice.full(in_flight) == 1


def test_a_tenant_above_a_cap_that_was_lowered_gets_nothing() -> None:
    shares = FairChoice(tenant_cap=1).shares([A], {A: 3}, 2)

    assert shares == {}


tenants = st.sampled_from([A, B, C, D])
queues: st.SearchStrategy[Sequence[UUID]] = st.lists(tenants, max_size=30)


@given(queues, queues, st.integers(0, 12), st.one_of(st.none(), st.integers(1, 4)))
def test_no_round_breaks_a_limit_or_leaves_room_unused(
    queued: Sequence[UUID], running: Sequence[UUID], free: int, cap: int | None
) -> None:
    before = Counter(running)

    order = Counter(take(FairChoice(tenant_cap=cap), Counter(queued), free, Counter(running)))

    room = {
        tenant: count if cap is None else max(0, min(count, cap - before[tenant]))
        for tenant, count in Counter(queued).items()
    }
    assert order.total() == min(free, sum(room.values()))
    assert all(count <= room[tenant] for tenant, count in order.items())


@given(st.lists(st.integers(1, 3), min_size=1, max_size=20))
def test_while_all_have_work_nobody_is_ever_two_turns_ahead(rounds: list[int]) -> None:
    choice = FairChoice(tenant_cap=None)
    queued = Counter({A: 1000, B: 1000, C: 1000})

    served = Counter[UUID]()
    for free in rounds:
        served.update(take(choice, queued, free))

    assert max(served[t] for t in (A, B, C)) - min(served[t] for t in (A, B, C)) <= 1
