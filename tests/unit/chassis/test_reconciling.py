"""What rows and stream disagree on."""

from uuid import UUID

from chassis.work._reconcile import Differences, differences
from chassis.work._store import InFlight
from chassis.work._stream import Parcel

TENANT = UUID(int=9)
TASK = UUID(int=1)
AGREED = Differences(requeue=(), drop=())


def row(state: str, token: int, *, silent: bool = False) -> InFlight:
    return InFlight(TASK, TENANT, state, token, silent)


def test_a_dispatched_task_with_its_entry_is_left_alone_however_long_it_waits() -> None:
    found = differences([row("dispatched", 3, silent=True)], [Parcel("1-0", TASK, 3)], set())

    assert found == AGREED


def test_a_dispatched_task_without_an_entry_is_queued_again() -> None:
    found = differences([row("dispatched", 3)], [], set())

    assert found == Differences(requeue=((TASK, 3),), drop=())


def test_an_entry_of_an_earlier_dispatch_does_not_count() -> None:
    found = differences([row("dispatched", 5)], [Parcel("1-0", TASK, 3)], set())

    assert found == Differences(requeue=((TASK, 5),), drop=("1-0",))


def test_an_entry_that_a_silent_consumer_took_and_never_claimed_is_given_to_another() -> None:
    found = differences([row("dispatched", 3)], [Parcel("1-0", TASK, 3)], {"1-0"})

    assert found == Differences(requeue=((TASK, 3),), drop=("1-0",))


def test_a_running_task_with_a_heartbeat_is_left_alone_even_if_redis_forgot_it() -> None:
    assert differences([row("running", 4)], [Parcel("1-0", TASK, 3)], set()) == AGREED
    assert differences([row("running", 4)], [], set()) == AGREED


def test_a_running_task_whose_worker_fell_silent_is_queued_again_and_its_entry_dropped() -> None:
    found = differences([row("running", 4, silent=True)], [Parcel("1-0", TASK, 3)], {"1-0"})

    assert found == Differences(requeue=((TASK, 4),), drop=("1-0",))


def test_an_entry_whose_task_has_ended_is_dropped() -> None:
    found = differences([], [Parcel("1-0", TASK, 3)], set())

    assert found == Differences(requeue=(), drop=("1-0",))
