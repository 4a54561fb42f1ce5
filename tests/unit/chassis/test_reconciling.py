"""What rows and stream disagree on."""

from collections.abc import Iterable
from uuid import UUID

from chassis.work._reconcile import Comparison
from chassis.work._store import InFlight
from chassis.work._stream import Parcel

TASK, OTHER = UUID(int=1), UUID(int=2)
ENTRY = Parcel("1-0", TASK, 3)


def row(state: str, token: int, *, silent: bool = False) -> InFlight:
    return InFlight(TASK, state, token, silent)


def compare(
    rows: Iterable[InFlight], *pages: Iterable[Parcel], held_silently: set[str] | None = None
) -> tuple[list[tuple[UUID, int]], list[str]]:
    """What is to be queued again, and which entries are to go."""
    comparison = Comparison(rows)
    useless = [entry for page in pages for entry in comparison.useless(page, held_silently or set())]
    return comparison.lost(), useless


def test_a_dispatched_task_with_its_entry_is_left_alone_however_long_it_waits() -> None:
    assert compare([row("dispatched", 3, silent=True)], [ENTRY]) == ([], [])


def test_a_dispatched_task_without_an_entry_is_queued_again() -> None:
    assert compare([row("dispatched", 3)], []) == ([(TASK, 3)], [])


def test_an_entry_may_be_on_any_page() -> None:
    assert compare([row("dispatched", 3)], [Parcel("0-1", OTHER, 1)], [ENTRY]) == ([], ["0-1"])


def test_an_entry_of_an_earlier_dispatch_does_not_count() -> None:
    assert compare([row("dispatched", 5)], [ENTRY]) == ([(TASK, 5)], ["1-0"])


def test_of_two_entries_for_one_dispatch_one_is_enough() -> None:
    assert compare([row("dispatched", 3)], [ENTRY, Parcel("1-1", TASK, 3)]) == ([], ["1-1"])


def test_an_entry_that_a_silent_consumer_took_and_never_claimed_is_given_to_another() -> None:
    assert compare([row("dispatched", 3)], [ENTRY], held_silently={"1-0"}) == ([(TASK, 3)], ["1-0"])


def test_a_running_task_with_a_heartbeat_is_left_alone_even_if_redis_forgot_it() -> None:
    assert compare([row("running", 4)], [ENTRY]) == ([], [])
    assert compare([row("running", 4)], [ENTRY], held_silently={"1-0"}) == ([], [])
    assert compare([row("running", 4)], []) == ([], [])


def test_a_running_task_whose_worker_fell_silent_is_queued_again_and_its_entry_dropped() -> None:
    assert compare([row("running", 4, silent=True)], [ENTRY]) == ([(TASK, 4)], ["1-0"])


def test_an_entry_whose_task_has_ended_is_dropped() -> None:
    assert compare([], [ENTRY]) == ([], ["1-0"])
