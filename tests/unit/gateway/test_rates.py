"""Which requests are counted together, for whom, and what an answer says about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.app import OPEN_TO_ALL
from gateway.domain.rates import Counted, Rate, RateClass, Rates, Standing, class_of, verdict_of

RATES = Rates({kind: Rate(60, 5 if kind is RateClass.STREAMS else None) for kind in RateClass}, address_factor=4)


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/v1/jobs", RateClass.READS),
        ("GET", "/v1/jobs/1/events", RateClass.STREAMS),
        ("GET", "/v1/events", RateClass.STREAMS),
        ("GET", "/v1/jobs/1/results/events.json", RateClass.READS),
        ("POST", "/v1/jobs", RateClass.WRITES),
        ("DELETE", "/v1/videos/1", RateClass.WRITES),
        ("POST", "/v1/uploads", RateClass.UPLOADS),
        ("PUT", "/v1/uploads/1/content", RateClass.UPLOADS),
        ("PATCH", "/v1/uploads/1", RateClass.UPLOADS),
        ("HEAD", "/v1/uploads/1", RateClass.UPLOADS),
        ("GET", "/v1/uploads/1", RateClass.READS),
        ("POST", "/v1/auth/token", RateClass.SIGN_IN),
        ("GET", "/v1/auth/somebody/else", RateClass.SIGN_IN),
        ("GET", "/.well-known/jwks.json", RateClass.READS),
        ("BREW", "/nowhere", RateClass.WRITES),
    ],
)
def test_a_request_has_a_class(method: str, path: str, kind: RateClass) -> None:
    assert class_of(method, path) is kind


def test_every_way_to_sign_in_is_of_the_class_of_signing_in() -> None:
    ways = {path for method, path in OPEN_TO_ALL if method == "POST"}

    assert ways
    assert {class_of("POST", path) for path in ways} == {RateClass.SIGN_IN}


def test_whoever_is_known_is_counted_beside_the_address_and_signing_in_by_address_alone() -> None:
    known = RATES.counted(RateClass.STREAMS, address="192.0.2.1", caller="user:1")
    nobody = RATES.counted(RateClass.READS, address="192.0.2.1", caller=None)
    signing_in = RATES.counted(RateClass.SIGN_IN, address="192.0.2.1", caller="user:1")

    assert known == [
        Counted("streams:user:1", Rate(60, 5)),
        Counted("streams:address:192.0.2.1", Rate(240, 20)),
    ]
    assert nobody == [Counted("reads:address:192.0.2.1", Rate(240))]
    assert signing_in == [Counted("sign-in:address:192.0.2.1", Rate(60))]


COUNTED = RATES.counted(RateClass.STREAMS, address="192.0.2.1", caller="user:1")
STANDINGS = st.builds(
    Standing,
    remaining=st.integers(0, 60),
    full_in_us=st.integers(0, 60_000_000),
    wait_us=st.just(0) | st.integers(1, 60_000_000),
    slots_full=st.booleans(),
)


@given(user=STANDINGS, address=STANDINGS)
def test_a_verdict_is_never_kinder_than_any_of_its_counts(user: Standing, address: Standing) -> None:
    verdict = verdict_of(RateClass.STREAMS, COUNTED, [user, address])

    waits = [standing.wait_us for standing in (user, address)]
    refused = any(waits) or user.slots_full or address.slots_full
    assert (verdict.retry_after_s > 0) == refused
    assert verdict.retry_after_s * 1_000_000 >= max(waits)
    assert verdict.reset_s >= verdict.retry_after_s
    assert bool(verdict.detail) == refused
    assert ("Retry-After" in verdict.headers) == refused
    if not refused:
        shares = [user.remaining / 60, address.remaining / 240]
        assert verdict.remaining / verdict.rate.requests == min(shares)


@given(st.integers(1, 10_000_000))
def test_as_many_requests_fit_into_a_minute_as_the_rate_says(requests: int) -> None:
    rate = Rate(requests)

    assert rate.gap_us >= 1
    assert rate.gap_us * requests <= max(60_000_000, requests)
