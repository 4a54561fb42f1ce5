"""Who is next."""

from collections import Counter
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from chassis.work._fairness import FairChoice
from chassis.work._store import Candidate

A, B, C = (UUID(int=n) for n in (1, 2, 3))
URGENT, NORMAL, BULK = 0, 1, 2


def queue(*entries: tuple[UUID, int]) -> list[Candidate]:
    return [Candidate(uuid4(), tenant, priority) for tenant, priority in entries]


def tenants(chosen: list[Candidate]) -> list[UUID]:
    return [candidate.tenant_id for candidate in chosen]


def test_tenants_take_turns_however_much_one_has_queued() -> None:
    candidates = queue(*[(A, NORMAL)] * 5, (B, NORMAL), (C, NORMAL), (B, NORMAL))

    chosen = FairChoice(tenant_cap=None).pick(candidates, {}, free=6)

    assert tenants(chosen) == [A, B, C, A, B, A]


def test_turns_go_on_from_one_round_to_the_next() -> None:
    fair = FairChoice(tenant_cap=None)
    candidates = queue(*[(A, NORMAL)] * 3, *[(B, NORMAL)] * 3)

    first = fair.pick(candidates, {}, free=1)
    second = fair.pick([c for c in candidates if c not in first], {}, free=1)

    assert tenants(first + second) == [A, B]


def test_urgent_goes_before_normal_before_bulk_across_tenants() -> None:
    candidates = queue((A, URGENT), (A, URGENT), (B, NORMAL), (C, BULK))

    chosen = FairChoice(tenant_cap=None).pick(candidates, {}, free=3)

    assert tenants(chosen) == [A, A, B]


def test_a_tenant_at_its_cap_waits_and_the_others_do_not() -> None:
    candidates = queue(*[(A, NORMAL)] * 4, (B, NORMAL))

    chosen = FairChoice(tenant_cap=2).pick(candidates, {A: 1}, free=5)

    assert Counter(tenants(chosen)) == {A: 1, B: 1}


def test_the_oldest_task_of_a_tenant_goes_first() -> None:
    candidates = queue((A, NORMAL), (A, NORMAL))

    (chosen,) = FairChoice(tenant_cap=None).pick(candidates, {}, free=1)

    assert chosen is candidates[0]


entries = st.lists(st.tuples(st.sampled_from([A, B, C]), st.sampled_from([URGENT, NORMAL, BULK])), max_size=30)


@given(entries, st.integers(0, 12), st.one_of(st.none(), st.integers(1, 4)))
def test_no_choice_breaks_a_limit_or_leaves_room_unused(
    queued: list[tuple[UUID, int]], free: int, cap: int | None
) -> None:
    candidates = queue(*queued)

    chosen = FairChoice(tenant_cap=cap).pick(candidates, {}, free)

    by_tenant = Counter(tenants(chosen))
    room = sum(min(cap or 99, count) for count in Counter(tenant for tenant, _ in queued).values())
    assert len(set(chosen)) == len(chosen) == min(free, room)
    assert cap is None or all(count <= cap for count in by_tenant.values())
    assert [c.priority for c in chosen] == sorted(c.priority for c in chosen)
