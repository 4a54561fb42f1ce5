"""Who was too slow: a machine, or the house it speaks to."""

from upscale.ports.runners import Intervals
from upscale.usecases.vigil import Vigil

LEASE_S, GRACE_S = 60.0, 30.0


class Clock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_vigil(clock: Clock) -> Vigil:
    """One that has looked every five seconds for longer than a lease lives."""
    vigil = Vigil(Intervals(lease_s=LEASE_S, grace_s=GRACE_S), clock)
    for _ in range(30):
        vigil.look()
        clock.now += 5
    return vigil


def test_a_house_that_just_began_to_look_blames_nobody() -> None:
    vigil = Vigil(Intervals(lease_s=LEASE_S, grace_s=GRACE_S), Clock())

    vigil.look()

    assert vigil.slow
    assert vigil.grace_s == GRACE_S + 2 * (LEASE_S + GRACE_S)


def test_a_house_that_looks_and_answers_all_the_time_holds_to_its_word() -> None:
    clock = Clock()
    vigil = a_vigil(clock)

    with vigil.answering():
        clock.now += LEASE_S / 3

    assert not vigil.slow
    assert vigil.grace_s == GRACE_S


def test_a_house_that_stood_still_waits_until_all_could_speak_again() -> None:
    clock = Clock()
    vigil = a_vigil(clock)

    clock.now += LEASE_S / 2
    vigil.look()
    then = vigil.slow
    for _ in range(19):
        clock.now += 5
        vigil.look()

    assert then
    assert not vigil.slow


def test_an_answer_that_takes_longer_than_runners_wait_between_two_words_is_trouble_too() -> None:
    clock = Clock()
    vigil = a_vigil(clock)

    with vigil.answering():
        clock.now += LEASE_S / 3 + 1

    assert vigil.slow
