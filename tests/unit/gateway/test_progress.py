"""News about steps, in whatever order it comes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from contracts.steps import Step
from gateway.domain.jobs import Job, steps_wanted
from gateway.domain.progress import (
    Advanced,
    Done,
    Failed,
    News,
    StepStatus,
    again,
    cancel,
    fold,
    fraction_of,
    state_of,
    to_repeat,
    without_script,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
RANK = {"queued": 0, "running": 1, "failed": 2, "succeeded": 3, "cancelled": 4}

runs = st.sampled_from([None, 1, 2, 3])
news = st.one_of(
    st.builds(Advanced, st.sampled_from(Step), runs, st.none() | st.floats(0, 1), st.text(max_size=5)),
    st.builds(Done, st.sampled_from(Step), runs, st.just("engine")),
    st.builds(Failed, st.sampled_from(Step), runs, st.just("broken"), st.just("it broke")),
)
stories = st.lists(news, max_size=30)


def queued(*steps: Step, run: int = 1) -> dict[Step, StepStatus]:
    return {step: StepStatus(step, run=run) for step in steps}


def told(steps: dict[Step, StepStatus], story: Sequence[News]) -> dict[Step, StepStatus]:
    for one in story:
        steps = fold(steps, one)
    return steps


def states(steps: dict[Step, StepStatus]) -> dict[Step, str]:
    return {step: status.state for step, status in steps.items()}


@given(stories)
def test_no_news_ever_moves_a_step_backwards(story: list[News]) -> None:
    steps = queued(*Step)

    for one in story:
        before, steps = steps, fold(steps, one)
        for step in Step:
            assert RANK[steps[step].state] >= RANK[before[step].state]
            assert steps[step].fraction >= before[step].fraction
        assert fraction_of(steps.values()) >= fraction_of(before.values())


def consistent(story: list[News]) -> list[News]:
    """The story without the failures of steps that succeed in it: then no dead letter was replayed."""
    done = {one.step for one in story if isinstance(one, Done)}
    return [one for one in story if not (isinstance(one, Failed) and one.step in done)]


@given(stories.map(consistent), st.randoms())
def test_the_same_news_in_any_order_and_repeated_ends_in_the_same_state(story: list[News], random: Random) -> None:
    shuffled = [*story, *story]
    random.shuffle(shuffled)

    once, otherwise = told(queued(*Step), story), told(queued(*Step), shuffled)

    assert states(once) == states(otherwise)


@given(stories, st.randoms())
def test_once_every_step_has_succeeded_nothing_before_it_matters(story: list[News], random: Random) -> None:
    everything = [*story, *(Done(step, 1) for step in Step)]
    random.shuffle(everything)

    steps = told(queued(*Step), everything)

    assert set(states(steps).values()) == {"succeeded"}


@given(stories)
def test_news_of_another_run_does_nothing(story: list[News]) -> None:
    steps = queued(*Step, run=7)
    foreign = [one for one in story if one.run is not None]

    assert told(steps, foreign) == steps


@given(stories)
def test_a_cancelled_step_stays_cancelled_whatever_comes(story: list[News]) -> None:
    steps = cancel(queued(*Step))

    assert told(steps, story) == steps


@given(stories)
def test_the_fraction_of_a_job_is_one_exactly_when_all_steps_succeeded(story: list[News]) -> None:
    steps = told(queued(*Step), story)

    succeeded = all(status.state == "succeeded" for status in steps.values())

    assert 0 <= fraction_of(steps.values()) <= 1
    assert (state_of(steps.values()) == "succeeded") == succeeded
    if succeeded:
        assert fraction_of(steps.values()) == 1


def test_news_of_a_step_that_was_not_asked_for_does_nothing() -> None:
    steps = queued(Step.INGEST, Step.SCENES)

    assert fold(steps, Done(Step.UPSCALE, 1)) == steps


def test_a_rejected_video_fails_every_step_with_the_typed_reason() -> None:
    steps = fold(queued(*Step), Failed(Step.INGEST, None, "no_video", "there is no picture in it"))

    assert {(status.state, status.reason) for status in steps.values()} == {("failed", "no_video")}
    assert state_of(steps.values()) == "failed"


def test_an_alignment_fails_with_the_transcript_it_needs_and_only_once() -> None:
    steps = fold(queued(Step.INGEST, Step.TRANSCRIPT, Step.ALIGNMENT), Failed(Step.TRANSCRIPT, 1, "broken", "it broke"))

    again_said = fold(steps, Failed(Step.ALIGNMENT, 1, "transcript_failed", "align says so too"))

    assert steps[Step.ALIGNMENT].reason == "transcript_failed"
    assert again_said == steps


def test_a_replayed_dead_letter_that_succeeds_overrules_the_failure() -> None:
    steps = fold(queued(Step.INGEST, Step.SCENES), Failed(Step.SCENES, 1, "broken", "it broke"))

    steps = fold(steps, Done(Step.SCENES, 1, "transnet", "abc", 2.5))

    assert steps[Step.SCENES] == StepStatus(
        Step.SCENES, state="succeeded", fraction=1.0, engine="transnet", model_sha256="abc", seconds=2.5
    )


def test_a_job_runs_until_its_last_step_is_over_and_then_has_failed_if_one_did() -> None:
    steps = fold(queued(Step.INGEST, Step.SCENES), Done(Step.INGEST, None))
    running = state_of(fold(steps, Advanced(Step.SCENES, 1, 0.5)).values())
    failed = state_of(fold(steps, Failed(Step.SCENES, 1, "broken", "")).values())

    assert state_of(queued(Step.INGEST, Step.SCENES).values()) == "queued"
    assert (running, failed) == ("running", "failed")


def test_a_retry_begins_the_failed_steps_anew_and_leaves_the_others() -> None:
    steps = told(
        queued(Step.INGEST, Step.SCENES, Step.WATERMARKS),
        [Done(Step.INGEST, None), Done(Step.SCENES, 1), Failed(Step.WATERMARKS, 1, "broken", "")],
    )

    retried = again(steps, to_repeat(steps), run=2)
    late = fold(retried, Done(Step.WATERMARKS, 1))

    assert retried[Step.SCENES] == steps[Step.SCENES]
    assert retried[Step.WATERMARKS] == StepStatus(Step.WATERMARKS, run=2)
    assert late == retried


def test_of_the_failed_steps_those_named_are_repeated_with_what_they_need() -> None:
    steps = told(
        queued(Step.INGEST, Step.SCENES, Step.TRANSCRIPT, Step.ALIGNMENT, Step.UPSCALE),
        [
            Done(Step.INGEST, None),
            Done(Step.SCENES, 1),
            Failed(Step.TRANSCRIPT, 1, "broken", ""),
            Failed(Step.UPSCALE, 1, "broken", ""),
        ],
    )

    assert to_repeat(steps) == (Step.TRANSCRIPT, Step.ALIGNMENT, Step.UPSCALE)
    assert to_repeat(steps, (Step.UPSCALE, Step.SCENES)) == (Step.UPSCALE,)
    assert to_repeat(steps, (Step.ALIGNMENT,)) == (Step.TRANSCRIPT, Step.ALIGNMENT)
    assert to_repeat(steps, (Step.SCENES,)) == ()


def test_a_job_knows_when_it_finished_and_forgets_it_when_it_goes_on() -> None:
    job = Job(id=uuid4(), video_id=uuid4(), script_id=None, steps=queued(Step.INGEST), created_at=NOW)

    failed = job.with_steps(fold(job.steps, Failed(Step.INGEST, None, "broken", "")), now=NOW)
    retried = failed.with_steps(again(failed.steps, to_repeat(failed.steps), run=2), now=NOW)

    assert (failed.finished_at, failed.version) == (NOW, 2)
    assert (retried.finished_at, retried.version) == (None, 3)
    assert job.with_steps(job.steps, now=NOW) is job


def test_an_alignment_brings_its_transcript_and_ingest_is_never_asked_for() -> None:
    assert steps_wanted((Step.ALIGNMENT, Step.INGEST)) == (Step.TRANSCRIPT, Step.ALIGNMENT)
    assert steps_wanted((Step.UPSCALE, Step.SCENES, Step.UPSCALE)) == (Step.SCENES, Step.UPSCALE)


def test_an_alignment_whose_script_was_erased_is_lost_however_late_it_succeeds() -> None:
    steps = fold(queued(Step.TRANSCRIPT, Step.ALIGNMENT), Done(Step.TRANSCRIPT, 1))

    lost = without_script(steps)
    after = fold(lost, Done(Step.ALIGNMENT, 1, "late"))

    assert after == lost
    assert (after[Step.ALIGNMENT].state, after[Step.ALIGNMENT].reason) == ("failed", "script_erased")
    assert after[Step.TRANSCRIPT].state == "succeeded"


def test_nobody_can_ask_again_for_an_alignment_without_its_script_whyever_it_failed_before() -> None:
    steps = fold(queued(Step.SCENES, Step.ALIGNMENT), Failed(Step.ALIGNMENT, 1, "broken", "it broke"))
    steps = fold(steps, Failed(Step.SCENES, 1, "broken", "it broke"))

    lost = without_script(steps)

    assert to_repeat(lost) == (Step.SCENES,)
    assert to_repeat(lost, [Step.ALIGNMENT]) == ()


def test_what_is_aligned_or_called_off_stays_so_without_its_script() -> None:
    done, off = fold(queued(Step.ALIGNMENT), Done(Step.ALIGNMENT, 1)), cancel(queued(Step.ALIGNMENT))

    assert without_script(done) == done
    assert without_script(off) == off
    assert without_script(queued(Step.SCENES)) == queued(Step.SCENES)
