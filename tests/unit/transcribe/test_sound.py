"""How a recording sounds besides its words: loudness by the standard's gates, and what is heard when."""

import pytest

from contracts.documents import Word
from transcribe.domain.sound import sound_of


def said(start: float, end: float) -> Word:
    return Word(text="word", start=start, end=end, probability=1.0)


def test_silence_does_not_make_a_recording_quieter() -> None:
    spoken, broken = [-23.0] * 100, [-23.0] * 50 + [-100.0] * 200 + [-23.0] * 50

    whole, with_pause = sound_of(spoken, ()), sound_of(broken, ())

    assert whole is not None
    assert with_pause is not None
    assert whole.loudness == -23.0
    assert with_pause.loudness == pytest.approx(-23.0, abs=0.3)


def test_what_is_far_quieter_than_the_rest_does_not_count() -> None:
    sound = sound_of([-20.0] * 100 + [-45.0] * 100, ())

    assert sound is not None
    assert sound.loudness == pytest.approx(-20.0, abs=0.2)


def test_a_recording_of_nothing_has_no_loudness_and_is_silence() -> None:
    sound = sound_of([-100.0] * 30, (), peak=None)

    assert sound is not None
    assert (sound.loudness, sound.levels) == (None, (-100.0, -100.0, -100.0))
    assert [(span.kind, span.start, span.end) for span in sound.spans] == [("silence", 0.0, 3.0)]


def test_what_was_not_measured_is_not_told() -> None:
    assert sound_of((), [said(0, 1)]) is None


def test_speech_silence_and_other_sounds_lie_side_by_side() -> None:
    levels = [-20.0] * 20 + [-90.0] * 10 + [-30.0] * 15

    sound = sound_of(levels, [said(0.0, 0.8), said(1.0, 1.95)])

    assert sound is not None
    assert [(span.kind, span.start, span.end) for span in sound.spans] == [
        ("speech", 0.0, 2.0), ("silence", 2.0, 3.0), ("other", 3.0, 4.5),
    ]  # fmt: skip


def test_levels_are_means_of_power_a_second_and_the_last_second_may_be_short() -> None:
    sound = sound_of([-20.0] * 5 + [-100.0] * 5 + [-30.0] * 3, ())

    assert sound is not None
    assert sound.levels == (-23.0, -30.0)
