"""How well scenes and marks agree with the truth of the evaluation sets. Used by tests and by tests/bench/accuracy.py.

Truth is as in ``*.truth.json``; findings are ``contracts.documents.Scene`` and ``Mark``, or the same as dictionaries.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

from contracts.documents import Mark, Scene
from vision.domain.boxes import Box, overlap

__all__ = ["score_cuts", "score_marks", "truth_box"]

HARD_TOLERANCE, SOFT_TOLERANCE = 1, 2
"""Frames, as the sets suggest."""
EDGE_FADES = {"fade_in_from_black", "fade_out_to_black"}
"""The film's own beginning and end: no boundary between shots, so finding one or none is neither right nor wrong."""
SAME_PLACE = 0.5
"""Intersection over union from which a mark is in the right place."""
SAME_TIME = 0.5
"""Share of a mark's time that must be found."""


def score_cuts(
    truth_transitions: Iterable[Mapping[str, Any]], scenes: Iterable[Scene | Mapping[str, Any]]
) -> dict[str, Any]:
    """Hard cuts within a frame, gradual transitions with a boundary inside, jump cuts apart.

    ``f1`` is that of the hard cuts that are no jump cuts; every boundary that fits no transition counts against it.
    """
    transitions = list(truth_transitions)
    left = sorted(scene.start_frame for scene in map(_scene, scenes) if scene.index > 0)
    hard = [t for t in transitions if t["type"] == "hard" and not t.get("jump_cut")]
    jumps = [t for t in transitions if t["type"] == "hard" and t.get("jump_cut")]
    soft = [t for t in transitions if t["type"] != "hard" and t["type"] not in EDGE_FADES]
    missed = [t["frame"] for t in hard if not _take(left, t["frame"], t["frame"], HARD_TOLERANCE)]
    jumps_found = sum(_take(left, t["frame"], t["frame"], HARD_TOLERANCE) for t in jumps)
    soft_missed = [_interval(t) for t in soft if not _take(left, *_interval(t), SOFT_TOLERANCE)]
    for t in transitions:
        if t["type"] in EDGE_FADES:
            while _take(left, *_interval(t), SOFT_TOLERANCE):
                pass
    found = len(hard) - len(missed)
    precision = found / (found + len(left)) if found + len(left) else 1.0
    recall = found / len(hard) if hard else 1.0
    return {
        "hard": len(hard),
        "hard_found": found,
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "missed": missed,
        "false": left,
        "soft": len(soft),
        "soft_found": len(soft) - len(soft_missed),
        "soft_missed": soft_missed,
        "jump_cuts": len(jumps),
        "jump_cuts_found": jumps_found,
    }


def _take(left: list[int], start: int, end: int, tolerance: int) -> bool:
    """Use up one boundary within ``start..end``, the one nearest to the middle."""
    fitting = [frame for frame in left if start - tolerance <= frame <= end + tolerance]
    if not fitting:
        return False
    left.remove(min(fitting, key=lambda frame: abs(frame - (start + end) / 2)))
    return True


def _interval(transition: Mapping[str, Any]) -> tuple[int, int]:
    start = transition.get("start_frame", transition.get("fade_out_start"))
    end = transition.get("end_frame", transition.get("fade_in_end"))
    if start is None or end is None:
        raise ValueError(f"a transition without start and end: {dict(transition)}")
    return int(start), int(end)


def score_marks(
    truth_watermarks: Sequence[Mapping[str, Any]], marks: Iterable[Mark | Mapping[str, Any]], *, frame_rate: float
) -> dict[str, Any]:
    """Marks found in the right place for at least half of their time, and marks that are none.

    ``edges_s`` are the errors of the found marks' starts and ends in seconds, ``ious`` their mean overlap with the
    truth over their time.
    """
    findings = [_mark(mark) for mark in marks]
    used: set[int] = set()
    ious, edges, missed = [], [], []
    for number, truth in enumerate(truth_watermarks):
        fitting = {index: _overlap(truth, mark, frame_rate) for index, mark in enumerate(findings)}
        fitting = {index: iou for index, iou in fitting.items() if iou >= SAME_PLACE}
        start, end = truth["start_frame"] / frame_rate, truth["end_frame"] / frame_rate
        covered = sum(max(0.0, min(end, findings[i].end) - max(start, findings[i].start)) for i in fitting)
        if not fitting or covered < SAME_TIME * (end - start):
            missed.append(truth.get("id", number))
            continue
        used |= set(fitting)
        ious.append(mean(fitting.values()))
        edges.append(abs(min(findings[i].start for i in fitting) - start))
        edges.append(abs(max(findings[i].end for i in fitting) - end))
    false = [mark for index, mark in enumerate(findings) if index not in used]
    found = len(truth_watermarks) - len(missed)
    return {
        "marks": len(truth_watermarks),
        "found": found,
        "precision": found / (found + len(false)) if found + len(false) else 1.0,
        "recall": found / len(truth_watermarks) if truth_watermarks else 1.0,
        "missed": missed,
        "false": [(mark.kind, mark.start, mark.end, mark.box) for mark in false],
        "ious": ious,
        "edges_s": edges,
    }


def _overlap(truth: Mapping[str, Any], mark: Mark, frame_rate: float) -> float:
    """Mean intersection over union while both are there; 0 if they never are."""
    points = [(point.time, point.box) for point in mark.track] or [
        (mark.start + (mark.end - mark.start) * (step + 0.5) / 20, mark.box) for step in range(20)
    ]
    inside = [
        overlap(truth_box(truth, round(time * frame_rate)), box)
        for time, box in points
        if truth["start_frame"] <= time * frame_rate < truth["end_frame"]
    ]
    return mean(inside) if inside else 0.0


def truth_box(truth: Mapping[str, Any], frame: int) -> Box:
    """Where a mark is at a frame; a moving one goes straight from one key frame to the next."""
    if not truth.get("keyframes"):
        x, y, width, height = truth["box"]
        return x, y, width, height
    before = [key for key in truth["keyframes"] if key["frame"] <= frame] or truth["keyframes"][:1]
    after = [key for key in truth["keyframes"] if key["frame"] >= frame] or truth["keyframes"][-1:]
    first, last = before[-1], after[0]
    share = (frame - first["frame"]) / (last["frame"] - first["frame"]) if last["frame"] != first["frame"] else 0.0
    x, y, width, height = (round(a + (b - a) * share) for a, b in zip(first["box"], last["box"], strict=True))
    return x, y, width, height


def _scene(scene: Scene | Mapping[str, Any]) -> Scene:
    return scene if isinstance(scene, Scene) else Scene.model_validate(scene)


def _mark(mark: Mark | Mapping[str, Any]) -> Mark:
    return mark if isinstance(mark, Mark) else Mark.model_validate(mark)
