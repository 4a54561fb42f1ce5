"""How long somebody who guesses has to wait."""

from datetime import UTC, datetime, timedelta

from gateway.domain.lockout import ACCOUNT, ADDRESS, MEMORY, PAIR, Tally, counted, longest_wait_s, uncounted

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_a_few_failures_are_free_then_each_doubles_the_wait_up_to_a_bound() -> None:
    waits = [PAIR.wait_s(failures) for failures in range(1, 20)]

    assert waits[:4] == [0, 0, 0, 0]
    assert waits[4:8] == [1, 2, 4, 8]
    assert waits[-1] == PAIR.longest_s == 900


def test_no_number_of_failures_makes_a_wait_longer_than_its_bound() -> None:
    for patience in (PAIR, ADDRESS, ACCOUNT):
        assert patience.wait_s(10**9) == patience.longest_s


def test_an_account_that_is_attacked_from_everywhere_waits_a_minute_at_most() -> None:
    assert ACCOUNT.wait_s(10**6) == 60


def test_failures_long_ago_do_not_count() -> None:
    old = Tally(50, None, NOW - MEMORY)

    assert counted(old, PAIR, NOW) == Tally(1, None, NOW)


def test_the_longest_wait_of_all_counts() -> None:
    tallies = {
        "a": Tally(1, None, NOW),
        "b": Tally(9, NOW + timedelta(seconds=16), NOW),
        "c": Tally(9, NOW - timedelta(seconds=1), NOW),
    }

    assert longest_wait_s(tallies, NOW) == 16
    assert longest_wait_s({"c": tallies["c"]}, NOW) <= 0


def test_an_attempt_that_was_right_is_taken_back() -> None:
    before = Tally(ADDRESS.free, None, NOW)

    assert uncounted(counted(before, ADDRESS, NOW)) == before


def test_a_wait_that_was_set_by_a_clock_a_year_ahead_locks_nobody_out_for_a_year() -> None:
    ahead = counted(Tally(100, None, NOW), PAIR, NOW + timedelta(days=365))
    right = counted(Tally(100, None, NOW), PAIR, NOW)

    assert longest_wait_s({"a": ahead}, NOW) == 0
    assert longest_wait_s({"a": ahead, "b": right}, NOW) == PAIR.longest_s
