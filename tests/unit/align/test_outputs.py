"""Captions, timelines and windows of sound."""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import opentimelineio as otio
from numpy.typing import NDArray

from align.adapters.timeline import timeline_of
from align.domain.captions import captions_of, srt, vtt
from align.domain.exports.film import Source, film_of, marks_of
from align.domain.heard import HeardWord
from align.domain.matching import match_script
from align.domain.takes import TokenTime
from align.domain.windows import aligned_times, likely_words, windows_of
from contracts.documents import Ledger, LedgerLine, LineStatus, Scene, Scenes, Take, TakeWord

LONG = (
    "This line is so long that no viewer could ever read it in a single row, and so it has to be cut; after a clause."
)


def a_ledger(*texts: str) -> Ledger:
    lines = []
    clock = 1.0
    for number, text in enumerate(texts, 1):
        words = []
        for word in text.split():
            words.append(TakeWord(text=word, start=clock, end=clock + 0.4, score=1, source="aligned"))
            clock += 0.45
        take = Take(
            start=words[0].start, end=words[-1].end, chosen=True, complete=True, score_text=1, words=tuple(words)
        )
        lines.append(
            LedgerLine(
                line_id=f"L{number:02d}", number=number, text=text, kind="dialogue", speaker="A & B",
                status=LineStatus.SPOKEN, takes=(take,),
            )
        )  # fmt: skip
        clock += 0.5
    return Ledger(script_matches="yes", coverage=1, lines=tuple(lines))


def test_captions_are_short_enough_to_read_and_never_overlap() -> None:
    captions = captions_of(a_ledger("Short one.", LONG))

    assert all(len(caption.rows) <= 2 and max(map(len, caption.rows)) <= 42 for caption in captions)
    assert all(one.end <= other.start for one, other in pairwise(captions))
    assert " ".join(row for caption in captions for row in caption.rows) == f"Short one. {LONG}"


def test_subrip_numbers_and_times_its_captions() -> None:
    text = srt(captions_of(a_ledger("Hello there --> you.")))

    assert text == "1\n00:00:01,000 --> 00:00:02,750\nHello there → you.\n"


def test_webvtt_escapes_what_would_be_markup_and_stamps_words_inside_their_cue() -> None:
    text = vtt(captions_of(a_ledger("1 < 2 & so on.")))

    assert "<v A &amp; B>1 <00:00:01.450>&lt; " in text
    stamps = re.findall(r"<(\d\d:\d\d:\d\d\.\d{3})>", text)
    assert stamps == sorted(stamps)


def test_no_line_no_caption() -> None:
    assert srt(captions_of(Ledger(script_matches="no", coverage=0, lines=()))) == ""


def test_a_timeline_has_a_clip_for_each_scene_and_a_marker_in_the_scene_where_a_line_begins() -> None:
    scenes = Scenes(
        scenes=(
            Scene(index=0, start_frame=0, end_frame=60, start=0, end=2.002, transition="start", score=1),
            Scene(index=1, start_frame=60, end_frame=300, start=2.002, end=10.01, transition="cut", score=1),
        )
    )

    film = film_of(scenes, Source(frame_rate="30000/1001", duration=10.01), title="x")
    text = timeline_of(film, marks_of(a_ledger("One two.", "Three four."), film))

    timeline = otio.adapters.read_from_string(text)
    clips = list(timeline.find_clips())
    assert [clip.source_range.duration.value for clip in clips] == [60, 240]
    assert [[marker.name[:3] for marker in clip.markers] for clip in clips] == [["L01"], ["L02"]]
    assert clips[0].markers[0].marked_range.start_time.value == int(1.0 * 30000 / 1001)


def silence(start: float, end: float) -> NDArray[np.int16]:
    return np.zeros(max(0, round((end - start) * 16000)), dtype=np.int16)


def no_meaning(sentences: Sequence[str]) -> NDArray[np.float32]:
    return np.eye(max(2, len(sentences)), dtype=np.float32)[: len(sentences)]


def heard(*starts: float) -> list[HeardWord]:
    return [HeardWord("word" + "abcdefghij"[n % 10], start, start + 0.3) for n, start in enumerate(starts)]


def test_windows_are_cut_at_long_pauses_and_hold_no_word_of_another() -> None:
    words = heard(0.0, 0.4, 3.0, 3.4)
    matching = match_script([" ".join(word.text for word in words)], words, no_meaning)

    windows = list(windows_of(matching, words))

    assert [(one.first, one.last) for one in windows] == [(0, 1), (2, 3)]
    assert windows[0].end <= 3.0
    assert windows[1].start >= 0.7


def test_hours_of_talk_without_a_pause_are_cut_all_the_same() -> None:
    words = heard(*(n * 0.35 for n in range(1000)))
    matching = match_script([" ".join(word.text for word in words)], words, no_meaning)

    windows = list(windows_of(matching, words))

    assert max(one.end - one.start for one in windows) < 35
    assert sum(one.last - one.first + 1 for one in windows) == len(matching.heard)


def test_times_that_the_sound_does_not_bear_out_are_not_believed() -> None:
    words = heard(0.0, 0.4, 0.8, 1.2)
    matching = match_script([" ".join(word.text for word in words)], words, no_meaning)

    def astray(_sound: NDArray[np.int16], said: Sequence[str]) -> list[TokenTime | None]:
        return [TokenTime(50.0 + n, 50.3 + n, 0.9) for n in range(len(said))]

    times = aligned_times(matching, likely_words(matching), words, silence, astray)

    assert round(times[0].start, 1) == 0.0
    assert all(time.score is None for time in times)


def test_a_word_the_aligner_cannot_place_keeps_the_recognizers_time() -> None:
    words = heard(0.0, 0.4, 0.8, 1.2)
    matching = match_script([" ".join(word.text for word in words)], words, no_meaning)

    def forgetful(_sound: NDArray[np.int16], said: Sequence[str]) -> list[TokenTime | None]:
        return [None if n == 1 else TokenTime(0.01 + n * 0.2, 0.15 + n * 0.2, 0.9) for n in range(len(said))]

    times = aligned_times(matching, likely_words(matching), words, silence, forgetful)

    assert [time.score for time in times] == [0.9, None, 0.9, 0.9]
