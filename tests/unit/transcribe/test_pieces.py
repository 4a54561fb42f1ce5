"""Where a long recording is cut, and how its pieces meet again."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe.domain.heard import HeardWord, Passage
from transcribe.domain.pieces import OVERLAP_S, Piece, cut_into_pieces, without_false_breaks
from transcribe.domain.seams import joined

Stretches = list[tuple[float, float]]


@st.composite
def recordings(draw: st.DrawFn) -> tuple[Stretches, float]:
    """Stretches of speech, and how long it all lasts."""
    at, stretches = draw(st.floats(0, 30)), []
    for _ in range(draw(st.integers(0, 20))):
        length, pause = draw(st.floats(0.1, 120)), draw(st.floats(0, 40))
        stretches.append((at, at + length))
        at += length + pause
    return stretches, at + draw(st.floats(0.1, 30))


def test_a_piece_ends_in_the_longest_silence_of_its_later_half() -> None:
    first, *_ = cut_into_pieces([(0, 10), (40, 60), (61, 80), (84, 99)], end=150, longest_s=100)

    assert (first.end, first.heard_until) == (82, 82)


def test_speech_without_a_pause_is_cut_where_it_must_and_heard_on_both_sides() -> None:
    first, second = cut_into_pieces([(0, 150)], end=150, longest_s=100)

    assert (first.end, first.heard_until) == (100, 100 + OVERLAP_S)
    assert (second.start, second.heard_from) == (100, 100 - OVERLAP_S)


def test_a_silence_that_the_detector_padded_away_is_still_one() -> None:
    first, second = cut_into_pieces([(0, 70), (70, 150)], end=150, longest_s=100)

    assert (first.end, first.heard_until, second.heard_from) == (70, 70, 70)


def test_a_recording_without_speech_is_cut_in_silence() -> None:
    first, *_ = cut_into_pieces([], end=150, longest_s=100)

    assert (first.end, first.speech) == (75, ())


@given(recordings(), st.floats(20, 300))
def test_pieces_lie_side_by_side_cover_everything_and_are_never_too_long(
    recording: tuple[Stretches, float], longest_s: float
) -> None:
    speech, end = recording

    pieces = cut_into_pieces(speech, end=end, longest_s=longest_s)

    assert (pieces[0].start, pieces[-1].end) == (0, end)
    assert all(left.end == right.start for left, right in pairwise(pieces))
    assert all(0 < piece.end - piece.start <= longest_s + 1e-6 for piece in pieces)
    assert all(piece.heard_from <= piece.start and piece.end <= piece.heard_until for piece in pieces)
    cuts = [left.end for left, right in pairwise(pieces) if left.heard_until == right.heard_from]
    assert not [cut for cut in cuts for start, stop in speech if start + 1e-6 < cut < stop - 1e-6]


def test_only_breaks_at_the_edge_of_a_window_are_mended() -> None:
    speech = [(1.0, 30.0), (30.0, 100.0), (100.02, 140.0), (200.4, 210.0)]

    assert without_false_breaks(speech, every_s=100) == [(1.0, 30.0), (30.0, 140.0), (200.4, 210.0)]


def words_at(texts: list[str], *, start: float = 0.0, apart: float = 0.4, shift: float = 0.0) -> list[HeardWord]:
    return [
        HeardWord(f" {text}", start + at * apart + shift, start + at * apart + 0.3 + shift, 0.9)
        for at, text in enumerate(texts)
    ]


def in_passages(words: list[HeardWord], size: int) -> list[Passage]:
    return [Passage(tuple(words[at : at + size])) for at in range(0, len(words), size)]


def texts(passages: tuple[Passage, ...]) -> list[str]:
    return [word.text.strip() for passage in passages for word in passage.words]


@given(
    st.lists(st.sampled_from(["no", "yes", "never", "say", "it", "again"]), min_size=60, max_size=80),
    st.floats(8, 20),
    st.floats(-0.15, 0.15),
    st.integers(1, 9),
)
def test_no_word_is_lost_or_doubled_where_two_pieces_both_listened(
    said: list[str], cut: float, shift: float, size: int
) -> None:
    left, right = Piece(0, cut, 0, cut + 5), Piece(cut, 40, cut - 5, 40)
    ours = [word for word in words_at(said) if word.end <= cut + 5]
    theirs = [word for word in words_at(said, shift=shift) if word.start - shift >= cut - 5]

    passages = joined([(left, in_passages(ours, size)), (right, in_passages(theirs, size))])

    assert texts(passages) == said


def test_a_word_broken_by_the_ends_of_what_was_heard_does_not_count() -> None:
    left, right = Piece(0, 10, 0, 15), Piece(10, 20, 5, 20)
    said = [f"word{number}" for number in range(48)]
    ours = [*[word for word in words_at(said) if word.end <= 14.6], HeardWord(" wo", 14.8, 15.0, 0.2)]
    theirs = [HeardWord(" ord12", 5.0, 5.1, 0.2), *[word for word in words_at(said) if word.start > 5.2]]

    passages = joined([(left, in_passages(ours, 7)), (right, in_passages(theirs, 7))])

    assert texts(passages) == said


def test_pieces_that_understood_nothing_alike_each_speak_for_their_own_side() -> None:
    left, right = Piece(0, 10, 0, 15), Piece(10, 20, 5, 20)
    ours = words_at(["left"] * 37)
    theirs = words_at(["right"] * 37, start=5)

    passages = joined([(left, in_passages(ours, 7)), (right, in_passages(theirs, 7))])

    assert all(word.start < 10 for passage in passages for word in passage.words if word.text == " left")
    assert all(word.end > 10 for passage in passages for word in passage.words if word.text == " right")
    assert {"left", "right"} == set(texts(passages))


def test_pieces_that_meet_in_silence_are_only_put_side_by_side() -> None:
    parts = [
        (Piece(at, at + 10, at, at + 10), in_passages(words_at(["and", "and"], start=at + 9), 2)) for at in (0, 10)
    ]

    assert texts(joined(parts)) == ["and"] * 4


@pytest.mark.parametrize("silent", [0, 1])
def test_a_side_on_which_nothing_was_heard_takes_nothing_away(silent: int) -> None:
    sides = [in_passages(words_at(["one", "two"], start=8.5), 2), in_passages(words_at(["three"], start=10.5), 1)]
    sides[silent] = []

    passages = joined([(Piece(0, 10, 0, 15), sides[0]), (Piece(10, 20, 5, 20), sides[1])])

    assert texts(passages) == (["three"] if silent == 0 else ["one", "two"])
