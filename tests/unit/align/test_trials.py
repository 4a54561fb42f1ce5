"""The yardsticks of docs/accuracy.md measure what they say."""

from xml.etree import ElementTree

import pytest

from align.domain.heard import HeardWord
from support.accuracy_page import filled, table
from support.accuracy_report import blocks
from support.curve_picture import curves
from support.ledger_peers import by_difflib
from support.ledger_scores import score_ledger
from support.ledger_stress import shoot
from support.ledger_trials import calibration, film_truth

LINES = ["We came down to the harbour at first light.", "Nobody answered.", "The boats had left without a single lamp."]


def said(text: str, start: float = 0.0) -> list[HeardWord]:
    return [HeardWord(word, start + at, start + at + 0.9) for at, word in enumerate(text.split())]


def test_difflib_finds_what_was_said_and_misses_what_was_not() -> None:
    words = said(f"{LINES[0]} {LINES[2]} who left the door open again")

    ledger = by_difflib(LINES, words)

    assert [line["status"] for line in ledger["lines"]] == ["spoken", "omitted", "spoken"]
    assert (ledger["lines"][2]["takes"][0]["start"], ledger["lines"][2]["takes"][0]["end"]) == (9.0, 16.9)
    assert ledger["ad_libs"] == [{"start": 17.0, "end": 22.9}]


def test_a_film_made_up_is_scored_like_a_real_one() -> None:
    film = shoot(LINES * 8, errors=0.0, seed=3)
    perfect = {
        "lines": [
            {
                "line_id": str(at),
                "kind": "dialogue",
                "status": status,
                "takes": [
                    {"start": start, "end": end, "words": [], "chosen": one == len(takes) - 1}
                    for one, (start, end, _) in enumerate(takes)
                ],
            }
            for at, (status, takes) in enumerate(zip(film.statuses, film.takes, strict=True))
        ],
        "ad_libs": [{"start": start, "end": end} for start, end in film.ad_libs],
    }

    scores = score_ledger(film_truth(film), perfect)

    assert (scores["status_accuracy"], scores["chosen_right"], scores["takes_right"]) == (1.0, 1.0, 1.0)
    assert (scores["ad_libs"]["recall"], scores["edge_worst_s"]) == (1.0, 0.0)


def test_confidence_is_compared_with_how_often_it_was_right() -> None:
    rows = calibration([(0.92, True), (0.94, False), (0.99, True), (1.0, True)])

    assert [(row["lines"], row["right"]) for row in rows] == [(2, 0.5), (2, 1.0)]


def test_figures_go_where_the_page_has_a_place_for_them_and_nowhere_else() -> None:
    page = "# Page\n<!-- words -->\nold\n<!-- /words -->\nsentences\n"

    once = filled(page, {"words": table([{"file": "a", "wer": 0.12345, "ok": True}])})

    assert once == (
        "# Page\n<!-- words -->\n| file | wer | ok |\n|---|---|---|\n| a | 0.123 | yes |\n<!-- /words -->\nsentences\n"
    )
    assert filled(once, {"words": "new"}).count("new") == 1
    with pytest.raises(KeyError, match="growth"):
        filled(page, {"growth": "x"})


def test_a_picture_is_an_svg_with_a_line_for_each_name() -> None:
    drawn = ElementTree.fromstring(curves("Title", "misheard", {"ours": [(0, 1.0), (0.3, 0.5)]}, goal=0.9))

    lines = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    assert [line.get("points") for line in lines] == ["56.0,36.0 470.0,174.0"]
    assert "goal 0.9" in [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]


def test_a_goal_that_is_missed_is_said_to_be_missed() -> None:
    word = {"file": "speech/jfk.flac", "words": 10, "wer": 0.2, "bare_wer": 0.1}
    word |= {"start_median_s": 0.01, "start_p95_s": 0.5}
    stressed = [{"misheard": rate, "macro_f1": 0.95, "accuracy": 0.95, "f1": {}} for rate in (0.0, 0.15)]
    figures = {
        "files": {"main/a.mp4": {"lines": {"macro_f1": 1.0}}},
        "speech": {"words": [word], "compared": [], "verdicts": {"of another recording": {"no": 3, "partly": 1}}},
        "stress": {"ours": stressed, "difflib": stressed, "calibration": [], "verdicts": {"its own": {"yes": 4}}},
        "growth": {"rows": [{"times": 1, "core_seconds": 12.0, "peak_mb": 500}]},
    }

    goals = blocks(figures)["goals"].splitlines()

    reached = {line.split(" | ")[0].lstrip("| "): line.endswith("yes |") for line in goals[2:]}
    assert [name for name, yes in reached.items() if not yes] == [
        "WER, all recordings, no more than the bare engine's",
        "word starts, clear speech: p95, s",
        "line status, macro F1, nothing misheard",
        "scripts of other films accepted",
    ]
