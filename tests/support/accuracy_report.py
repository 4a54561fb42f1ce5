"""The figures of an accuracy run as tables of docs/accuracy.md, and whether they reach what was set as a goal."""

from collections.abc import Mapping, Sequence
from typing import Any

from support.accuracy_page import table
from support.curve_picture import curves

__all__ = ["blocks", "picture"]

_KINDS = ("yes", "partly", "no")
_MUST_BE_NO = ("of another recording", "another scene of the play", "its own, translated")
"""Scripts that must get no times at all."""
_CLEAR = ("main/", "speech/jfk", "speech/sonnet")
"""Read speech of one voice near the microphone."""


def blocks(figures: Mapping[str, Any]) -> dict[str, str]:
    """Markdown by the name of its place on the page."""
    told: dict[str, str] = {}
    if "speech" in figures:
        speech = figures["speech"]
        told["words-compared"] = table(speech.get("words", []))
        told["lines-compared"] = table(speech.get("compared", []))
        told["hinted"] = table(speech.get("hinted", []))
        told["verdicts"] = table(_verdicts(speech.get("verdicts", {})))
    if "stress" in figures:
        stress = figures["stress"]
        told["stress"] = table([_stressed(row) for row in stress["ours"]])
        told["stress-difflib"] = table([_stressed(row) for row in stress["difflib"]])
        told["calibration"] = table(stress["calibration"])
        told["stress-verdicts"] = table(_verdicts(stress.get("verdicts", {})))
    if "growth" in figures:
        told["growth"] = table(figures["growth"]["rows"])
    whole = {"speech": "verdicts", "stress": "verdicts", "growth": "rows"}
    if "files" in figures and all(last in figures.get(part, {}) for part, last in whole.items()):
        told["goals"] = table(_goals(figures))
    return told


def picture(stress: Mapping[str, Any]) -> str:
    """F1 against the share of words misheard."""
    ours, peers = stress["ours"], stress["difflib"]
    lines = {
        "Matchcut, all lines": [(row["misheard"], row["accuracy"]) for row in ours],
        "Matchcut, macro F1": [(row["misheard"], row["macro_f1"]) for row in ours],
        "difflib, all lines": [(row["misheard"], row["accuracy"]) for row in peers],
        "difflib, macro F1": [(row["misheard"], row["macro_f1"]) for row in peers],
    }
    return curves("Line statuses that are right", "words misheard", lines, goal=0.9)


def _stressed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "f1"} | {
        f"F1 {name}": value for name, value in row["f1"].items()
    }


def _verdicts(told: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    rows = []
    for kind, counts in told.items():
        wrong = counts.get("no", 0)
        if kind in _MUST_BE_NO:
            wrong = sum(counts.values()) - wrong
        rows.append(
            {"script": kind, "should be": "no" if kind in _MUST_BE_NO else "yes or partly"}
            | {name: counts.get(name, 0) for name in _KINDS}
            | {"wrong": wrong}
        )
    return rows


def _goals(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    words = figures["speech"]["words"]
    clear = [row for row in words if row["file"].startswith(_CLEAR)]
    verdicts = _verdicts(figures["speech"]["verdicts"]) + _verdicts(figures["stress"]["verdicts"])
    accepted = sum(row["wrong"] for row in verdicts if row["should be"] == "no")
    refused = sum(row["wrong"] for row in verdicts if row["should be"] != "no")
    by_rate = {row["misheard"]: row for row in figures["stress"]["ours"]}
    session = [scores["lines"]["macro_f1"] for scores in figures["files"].values() if "lines" in scores]
    whole = next(row for row in figures["growth"]["rows"] if row["times"] == 1)
    return [
        _goal("WER, all recordings, no more than the bare engine's", _mean(words, "wer"), _mean(words, "bare_wer")),
        _goal("word starts, clear speech: median, s", _mean(clear, "start_median_s"), 0.02),
        _goal("word starts, clear speech: p95, s", _mean(clear, "start_p95_s"), 0.12),
        _goal("line status, macro F1, real session", min(session), 0.97, more=True),
        _goal("line status, macro F1, nothing misheard", by_rate[0.0]["macro_f1"], 0.97, more=True),
        _goal("line status, macro F1, 15 % misheard", by_rate[0.15]["macro_f1"], 0.9, more=True),
        _goal("scripts of other films accepted", accepted, 0),
        _goal("true scripts refused", refused, 0),
        _goal("3 hours, 120 pages: seconds of a core", whole["core_seconds"], 30),
        _goal("3 hours, 120 pages: peak MB", whole["peak_mb"], 1000),
    ]


def _goal(name: str, measured: float, goal: float, *, more: bool = False) -> dict[str, Any]:
    reached = measured >= goal if more else measured <= goal
    return {"goal": name, "measured": measured, "wanted": f"{'>=' if more else '<='} {goal:.3g}", "reached": reached}


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    """Over recordings, each by how many words it has."""
    return float(sum(row[name] * row["words"] for row in rows) / sum(row["words"] for row in rows))
