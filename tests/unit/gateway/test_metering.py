"""Quantities, money and estimates: exact where they are counted, sensible where they are guessed."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.gateway import JobOptions, UpscaleOptions
from contracts.steps import Step
from gateway.domain.estimates import DEFAULT_SECONDS, Measures, StepEstimate, pace_of, total_seconds, work_of
from gateway.domain.jobs import steps_wanted
from gateway.domain.metering import PriceList, UsageKind, metered_storage, metered_video, variant_of, written
from gateway.domain.quotas import Budget, OwnQuotas, Quotas, month_of, reached
from gateway.domain.refusals import BudgetExhausted, MinutesQuotaExceeded, StorageQuotaExceeded

AMOUNTS = st.decimals(min_value=0, max_value=10**12, places=10)
FILM = Measures(duration_s=60.0, width=640, height=360, frames_per_s=25.0)


@given(AMOUNTS)
def test_an_amount_is_written_as_people_write_it(amount: Decimal) -> None:
    said = written(amount)

    assert Decimal(said) == amount
    whole, _, places = said.partition(".")
    assert whole.isdecimal()
    assert len(places) >= 2
    assert len(places) == 2 or not places.endswith("0")


@given(st.lists(st.tuples(st.sampled_from(UsageKind), AMOUNTS), max_size=5))
def test_what_has_no_price_has_no_amount_and_the_rest_adds_up(pairs: list[tuple[UsageKind, Decimal]]) -> None:
    quantities = dict(pairs)
    prices = PriceList("EUR", {UsageKind.TRANSCRIPT_MINUTES: Decimal("0.02"), UsageKind.UPSCALED_FRAMES: Decimal(0)})

    cost = prices.cost(quantities)

    spoken = quantities.get(UsageKind.TRANSCRIPT_MINUTES)
    priced = spoken is not None or UsageKind.UPSCALED_FRAMES in quantities
    assert cost == ((spoken or 0) * Decimal("0.02") if priced else None)
    assert PriceList(None, prices.prices).cost(quantities) is None


def test_a_quantity_is_the_same_however_often_it_is_measured() -> None:
    video_id = uuid4()

    first, again = metered_video(video_id, 0.1 + 0.2, 1.0), metered_video(video_id, 0.1 + 0.2, 7.0)

    assert (first.key, first.quantity) == (again.key, again.quantity)
    assert first.quantity == Decimal("0.005000")
    assert metered_storage(date(2026, 11, 22), Decimal(86_400 * 2**30)).quantity == 1


@given(
    start=st.none() | st.floats(0, 100),
    end=st.none() | st.floats(0.001, 100),
    scale=st.sampled_from([2, 3, 4]),
)
def test_upscaling_is_estimated_for_the_frames_in_its_range_and_no_others(
    start: float | None, end: float | None, scale: int
) -> None:
    options = JobOptions(upscale=UpscaleOptions.model_validate({"scale": scale, "start": start, "end": end}))

    work = work_of(Step.UPSCALE, options, FILM)

    frames = work.quantities[UsageKind.UPSCALED_FRAMES]
    assert 0 <= frames <= 1500
    assert work.quantities[UsageKind.UPSCALED_MEGAPIXELS] == frames * 640 * 360 * scale * scale / Decimal(10**6)
    assert work.pace_units == pytest.approx(float(frames) * 640 * 360 / 1e6)


def test_ranges_that_overlap_are_estimated_once() -> None:
    ranges = [{"start": 10, "end": 20}, {"start": 15, "end": 25}, {"start": 58}]
    options = JobOptions(upscale=UpscaleOptions.model_validate({"start": 0, "end": 1, "ranges": ranges}))

    frames = work_of(Step.UPSCALE, options, FILM).quantities[UsageKind.UPSCALED_FRAMES]

    assert frames == (1 + 15 + 2) * FILM.frames_per_s


def test_scenes_and_lines_are_estimated_as_if_they_were_all_of_the_film() -> None:
    options = JobOptions(upscale=UpscaleOptions.model_validate({"start": 0, "end": 1, "lines": [1]}))

    frames = work_of(Step.UPSCALE, options, FILM).quantities[UsageKind.UPSCALED_FRAMES]

    assert frames == FILM.duration_s * FILM.frames_per_s


@pytest.mark.parametrize(
    ("own", "all_", "seconds", "basis"),
    [
        ([1.0, 9.0, 2.0], [50.0] * 9, 2.0, "tenant"),
        ([1.0, 9.0], [50.0, 60.0, 40.0], 50.0, "installation"),
        ([], [50.0, 60.0], 6.0, "default"),
    ],
)
def test_a_pace_is_the_median_of_the_nearest_work_there_is_enough_of(
    own: list[float], all_: list[float], seconds: float, basis: str
) -> None:
    pace = pace_of("transcript", own, all_)

    assert (pace.seconds, pace.basis) == (seconds, basis)


def test_every_step_and_engine_has_a_default() -> None:
    options = JobOptions(recognizer="accurate", scene_detector="accurate", upscale=UpscaleOptions(model="another"))

    for step in Step:
        for chosen in (JobOptions(), options):
            assert pace_of(variant_of(step, chosen), [], []).seconds > 0
    assert set(Step) <= set(DEFAULT_SECONDS)


def test_steps_work_side_by_side_but_an_alignment_waits_for_its_transcript() -> None:
    def estimates(*steps: Step) -> list[StepEstimate]:
        works = [work_of(step, JobOptions(), FILM) for step in steps]
        return [StepEstimate(work, pace_of(work.variant, [], []), None) for work in works]

    assert total_seconds(estimates(*steps_wanted([Step.ALIGNMENT]))) == 6 + 3
    assert total_seconds(estimates(Step.SCENES, Step.WATERMARKS, Step.TRANSCRIPT)) == 18
    assert total_seconds(estimates(Step.INGEST, Step.TRANSCRIPT)) == 12 + 6
    assert total_seconds([]) == 0


def test_what_was_set_for_a_tenant_goes_before_what_holds_for_all() -> None:
    quotas = Quotas(jobs=10, storage_bytes=1000, video_minutes=None)

    own = quotas.with_own(OwnQuotas(jobs=0, storage_bytes=-1, video_minutes=5))

    assert own == Quotas(jobs=0, storage_bytes=None, video_minutes=5)
    assert quotas.with_own(OwnQuotas()) == quotas


def test_quotas_refuse_beyond_the_last_piece_and_not_before() -> None:
    quotas = Quotas(jobs=None, storage_bytes=1000, video_minutes=10)

    quotas.require_storage(used=900, more=100)
    quotas.require_minutes(used=Decimal("9.999"), under_way=0)
    with pytest.raises(StorageQuotaExceeded):
        quotas.require_storage(used=900, more=101)
    with pytest.raises(MinutesQuotaExceeded):
        quotas.require_minutes(used=Decimal("9.0"), under_way=1)


@given(amount=st.decimals("0.01", 10**9, places=2), spent=AMOUNTS)
def test_marks_of_a_budget_are_reached_exactly(amount: Decimal, spent: Decimal) -> None:
    mark = reached(Budget(amount, "EUR"), spent)

    assert (mark >= 80) == (spent >= amount * Decimal("0.8"))
    assert (mark == 100) == (spent >= amount)


def test_a_soft_budget_refuses_nothing_and_a_hard_one_what_comes_after_its_end() -> None:
    soft, hard = Budget(Decimal(5), "EUR"), Budget(Decimal(5), "EUR", hard=True)

    soft.require_left(Decimal(6))
    hard.require_left(Decimal("4.99999"))
    with pytest.raises(BudgetExhausted):
        hard.require_left(Decimal(5))


def test_what_was_told_of_last_month_is_not_told_of_this_month() -> None:
    budget = Budget(Decimal(5), "EUR", told_month=date(2026, 10, 1), told_percent=100)

    assert budget.told_in(month_of(date(2026, 10, 31))) == 100
    assert budget.told_in(month_of(date(2026, 11, 1))) == 0
