"""How right a ledger is: statuses, takes, edges, ad-libs and words against a film whose truth is known."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

__all__ = ["score_ledger", "status_f1"]

_STATUS = {"false_start_then_complete": "spoken", "reordered": "moved", "truncated": "partial"}
"""What the truth's words for a line are in the ledger."""
EDGE_TOLERANCE_S = 0.3


def score_ledger(truth: Mapping[str, Any], ledger: Mapping[str, Any]) -> dict[str, Any]:
    """Score ``ledger.json`` against a truth file (whole, or its ``speech`` part).

    Returns:
        ``status_accuracy`` and the wrong lines; ``f1`` by class; ``chosen_right`` (the chosen take is the truth's best
        one) with the share of edges within 0.3 s and their median error (seconds); ``takes_right`` (share of lines
        with the true number of takes); ``ad_libs`` with recall, precision and worst edge.
    """
    speech = truth.get("speech", truth)
    lines = [line for line in ledger["lines"] if line["kind"] == "dialogue"]
    pairs = list(zip(speech["lines"], lines, strict=True))
    statuses = [(_STATUS.get(true["status"], true["status"]), told["status"]) for true, told in pairs]
    wrong = {
        told["line_id"]: f"{told['status']}, not {true}"
        for (true, status), (_, told) in zip(statuses, pairs, strict=True)
        if true != status
    }
    edges = [edge for true, told in pairs for edge in _edges(true, told)]
    chosen = [right for true, told in pairs if (right := _chosen_right(true, told)) is not None]
    return {
        "lines": len(pairs),
        "status_accuracy": 1 - len(wrong) / max(1, len(pairs)),
        "wrong": wrong,
        "f1": status_f1(statuses),
        "chosen_right": sum(chosen) / max(1, len(chosen)),
        "takes_right": sum(len(t["takes"]) == len(told["takes"]) for t, told in pairs) / max(1, len(pairs)),
        "edges_within_0.3s": sum(edge <= EDGE_TOLERANCE_S for edge in edges) / max(1, len(edges)),
        "edge_median_s": round(median(edges), 3) if edges else None,
        "edge_worst_s": round(max(edges), 3) if edges else None,
        "ad_libs": _ad_libs(speech.get("adlibs", []), ledger["ad_libs"]),
        "words": _words(speech, lines),
    }


def status_f1(statuses: Sequence[tuple[str, str]]) -> dict[str, float]:
    """F1 by class from (true, told) pairs, and their mean over the classes there are as ``macro``."""
    right: defaultdict[str, int] = defaultdict(int)
    told_as: defaultdict[str, int] = defaultdict(int)
    true_as: defaultdict[str, int] = defaultdict(int)
    for true, told in statuses:
        right[true] += true == told
        told_as[str(told)] += 1
        true_as[true] += 1
    f1 = {
        str(name): round(2 * right[name] / (told_as[name] + true_as[name]), 3)
        for name in sorted({*told_as, *true_as})
        if told_as[name] + true_as[name]
    }
    return {**f1, "macro": round(sum(f1.values()) / max(1, len(f1)), 3)}


def _best(true: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((take for take in true["takes"] if take["take"] == true["best_take"]), None)


def _chosen(told: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((take for take in told["takes"] if take["chosen"]), None)


def _chosen_right(true: Mapping[str, Any], told: Mapping[str, Any]) -> bool | None:
    """Whether the chosen take overlaps the true best one by half; None when both say there is none."""
    best, chosen = _best(true), _chosen(told)
    if best is None or chosen is None:
        return None if best is chosen else False
    overlap = min(best["end"], chosen["end"]) - max(best["start"], chosen["start"])
    return bool(overlap >= 0.5 * (best["end"] - best["start"]))


def _edges(true: Mapping[str, Any], told: Mapping[str, Any]) -> list[float]:
    best, chosen = _best(true), _chosen(told)
    if best is None or chosen is None:
        return []
    return [abs(best["start"] - chosen["start"]), abs(best["end"] - chosen["end"])]


def _ad_libs(true: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """An ad-lib is found when half of the longer of the two stretches is common to both."""

    def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        overlap = min(one["end"], other["end"]) - max(one["start"], other["start"])
        return bool(overlap >= 0.5 * max(one["end"] - one["start"], other["end"] - other["start"]))

    found = [(one, other) for one in true for other in told if same(one, other)]
    worst = max((max(abs(a["start"] - b["start"]), abs(a["end"] - b["end"])) for a, b in found), default=0.0)
    return {
        "true": len(true),
        "told": len(told),
        "recall": len({id(one) for one, _ in found}) / len(true) if true else 1.0,
        "precision": len({id(other) for _, other in found}) / len(told) if told else 1.0,
        "edge_worst_s": round(worst, 3),
    }


def _words(speech: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Start errors of the words of chosen takes, against the nearest true word of the same text."""
    true = [(_bare(word["word"]), word["start"]) for word in speech.get("words") or ()]
    errors = []
    for told in lines:
        for word in (_chosen(told) or {"words": ()})["words"]:
            near = [abs(start - word["start"]) for text, start in true if text == _bare(word["text"])]
            if near and min(near) < 1.0:
                errors.append(min(near))
    errors.sort()
    if not errors:
        return {"compared": 0, "median_s": None, "p90_s": None}
    return {
        "compared": len(errors),
        "median_s": round(median(errors), 3),
        "p90_s": round(errors[int(0.9 * (len(errors) - 1))], 3),
    }


def _bare(word: str) -> str:
    return "".join(char for char in word.casefold() if char.isalnum())
