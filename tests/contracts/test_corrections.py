"""What people say of a ledger finds its place in it, also in that of a later run, or is told as a conflict."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.documents import (
    AdLib,
    Correction,
    Ledger,
    LineStatus,
    Scene,
    Span,
    ad_lib_key,
    corrected,
    line_keys,
)
from support.findings_rig import a_ledger, a_line, a_take

SCENES = tuple(
    Scene(index=at, start_frame=a, end_frame=b, start=a / 25, end=b / 25, transition="cut", score=1.0)
    for at, (a, b) in enumerate(((0, 75), (75, 150), (150, 400)))
)


def of_line(line_id: str, ledger: Ledger | None = None, **said: object) -> Correction:
    return Correction.model_validate({"key": line_keys(ledger or a_ledger())[line_id], "line_id": line_id, **said})


def test_nothing_said_leaves_a_ledger_as_it_is() -> None:
    done = corrected(a_ledger(), ())

    assert (done.ledger, done.conflicts) == (a_ledger(), ())


def test_a_status_and_a_confirmation_are_taken_over_and_are_sure() -> None:
    done = corrected(a_ledger(), [of_line("L01", status="paraphrased"), of_line("L03", confirmed=True)])

    assert done.ledger.lines[1].status is LineStatus.PARAPHRASED
    assert [(line.review, line.confidence) for line in done.ledger.lines[1:]] == [
        ("corrected", 1.0),
        ("open", 0.0),
        ("confirmed", 1.0),
    ]


def test_another_take_is_chosen_and_the_line_plays_in_its_scene() -> None:
    done = corrected(a_ledger(), [of_line("L02", take=Span(start=4.0, end=5.4))], SCENES)

    assert [take.chosen for take in done.ledger.lines[2].takes] == [True, False]
    assert done.ledger.lines[2].scene_ids == (1,)


def test_other_times_move_the_words_along() -> None:
    done = corrected(a_ledger(), [of_line("L01", times=Span(start=2.0, end=3.8))])

    [take] = done.ledger.lines[1].takes
    assert (take.start, take.end) == (2.0, 3.8)
    assert [(word.start, word.end, word.source) for word in take.words] == [
        (2.0, 2.8, "interpolated"),
        (3.0, 3.8, "interpolated"),
    ]


def test_a_line_nobody_heard_gets_a_take_where_a_person_heard_it() -> None:
    done = corrected(a_ledger(), [of_line("L03", times=Span(start=14.0, end=15.0))])

    line = done.ledger.lines[3]
    assert line.status is LineStatus.SPOKEN
    assert [(word.text, word.start, word.end) for word in line.takes[0].words] == [
        ("Good", 14.0, 14.5),
        ("bye.", 14.5, 15.0),
    ]
    assert done.ledger.omitted_words == 0


def test_an_omitted_line_has_no_chosen_take_and_counts_as_omitted() -> None:
    done = corrected(a_ledger(), [of_line("L01", status="omitted")])

    assert [take.chosen for take in done.ledger.lines[1].takes] == [False]
    assert (done.ledger.lines[1].scene_ids, done.ledger.omitted_words) == ((), 4)


def test_what_was_taken_for_a_line_becomes_an_ad_lib_and_what_was_none_goes() -> None:
    [known] = a_ledger().ad_libs
    none = Correction(key=ad_lib_key(known), heard=Span(start=known.start, end=known.end), ad_lib=False)

    done = corrected(a_ledger(), [of_line("L01", ad_lib=True), none])

    assert done.ledger.lines[1].status is LineStatus.OMITTED
    assert [(one.start, one.text) for one in done.ledger.ad_libs] == [(1.0, "Hello there.")]
    assert done.ledger.ad_lib_seconds == 0.9


def test_corrections_find_their_lines_after_a_re_run_that_numbers_them_anew() -> None:
    said = [of_line("L01", status="partial"), of_line("L02", take=Span(start=4.0, end=5.4))]
    before = a_ledger()
    new = a_line(1, "A line nobody saw before.")
    moved = [
        line.model_copy(update={"line_id": f"L{line.number + 1:02d}", "number": line.number + 1})
        for line in before.lines[1:]
    ]
    again = a_take("Come in, please.", 4.1)
    moved[1] = moved[1].model_copy(update={"takes": (again, a_take("Come in, please.", 8.2, chosen=False))})
    after = before.model_copy(update={"lines": (new, *moved)})

    done = corrected(after, said)

    assert (done.ledger.lines[1].line_id, done.ledger.lines[1].status) == ("L02", LineStatus.PARTIAL)
    assert [take.chosen for take in done.ledger.lines[2].takes] == [True, False]
    assert done.conflicts == ()


def test_what_finds_no_place_is_told() -> None:
    said = [
        of_line("L01", status="partial"),
        of_line("L02", take=Span(start=4.0, end=5.4), status="partial"),
        Correction(key="ad-lib@12.000-13.000", heard=Span(start=12, end=13), ad_lib=False),
    ]
    line = a_line(1, "Come in, please.", a_take("Come in, please.", 8.0))
    after = Ledger(
        script_matches="yes", coverage=1, lines=(line,), ad_libs=(AdLib(start=20.0, end=21.0, text="Hm, well."),)
    )

    done = corrected(after, said)

    assert {conflict.reason: conflict.correction for conflict in done.conflicts} == {
        "line_gone": said[0],
        "take_gone": said[1],
        "ad_lib_gone": said[2],
    }
    assert done.ledger.lines[0].status is LineStatus.PARTIAL, "what is left of it holds"
    assert [take.chosen for take in done.ledger.lines[0].takes] == [True]
    assert done.ledger.ad_libs == after.ad_libs


def test_one_of_several_lines_alike_is_not_taken_for_another() -> None:
    before = Ledger(script_matches="yes", coverage=1, lines=tuple(a_line(n, "Yes.", a_take("Yes.", n)) for n in (1, 2)))
    after = before.model_copy(update={"lines": before.lines[:1]})

    both = corrected(before, [of_line("L02", before, status="partial")])
    one = corrected(after, [of_line("L02", before, status="partial")])

    assert [line.status for line in both.ledger.lines] == ["spoken", "partial"]
    assert [line.status for line in one.ledger.lines] == ["spoken"]
    assert [conflict.reason for conflict in one.conflicts] == ["line_gone"]


spans = st.tuples(st.floats(0, 100), st.floats(0.1, 20)).map(lambda t: Span(start=t[0], end=t[0] + t[1]))


@given(
    st.sampled_from(["L01", "L02", "L03"]),
    st.none() | st.sampled_from(LineStatus),
    st.none() | spans,
    st.none() | spans,
    st.none() | st.booleans(),
)
def test_whatever_is_said_the_ledger_holds_together(
    line_id: str, status: LineStatus | None, take: Span | None, times: Span | None, ad_lib: bool | None
) -> None:
    done = corrected(a_ledger(), [of_line(line_id, status=status, take=take, times=times, ad_lib=ad_lib)], SCENES)

    again = Ledger.model_validate_json(done.ledger.model_dump_json())
    assert again == done.ledger
    for line in done.ledger.lines:
        assert sum(one.chosen for one in line.takes) == (bool(line.takes) and line.status is not LineStatus.OMITTED)
        assert all(one.start <= word.start <= word.end <= one.end + 0.002 for one in line.takes for word in one.words)
