"""How close the result of the demo came to the truth about it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.documents import Ledger, Mark, QualityReport, Scenes, Transcript, Watermarks
from matchcut.demo.rendition import decode_rendition, sound_offset_ms
from matchcut.demo.words import word_error_rate
from matchcut.report import CheckRow

__all__ = ["Check", "check_all", "check_documents", "overlap"]

MOST_WORD_ERRORS = 0.10
LEAST_OVERLAP = 0.5


@dataclass(frozen=True)
class Check:
    """One promise, what was measured, and whether it is kept."""

    name: str
    passed: bool
    measured: str
    wanted: str
    figures: dict[str, Any]

    @property
    def row(self) -> CheckRow:
        """As the report shows it."""
        return CheckRow(self.name, self.measured, self.wanted, self.passed)


def check_all(folder: Path, truth: dict[str, Any], film: Path, upscaled: tuple[float, float]) -> list[Check]:
    """Compare the result folder with the truth. ``upscaled`` are the seconds that were asked for."""
    quality = QualityReport.model_validate_json((folder / "qc.json").read_bytes())
    rendition = folder / "rendition.mp4"
    return [
        *check_documents(folder, truth),
        _frames(quality, rendition, truth, upscaled),
        _sound(quality, film, rendition, upscaled, truth["fps"]),
    ]


def check_documents(folder: Path, truth: dict[str, Any]) -> list[Check]:
    """What can be checked without decoding anything."""
    return [
        _cuts(Scenes.model_validate_json((folder / "scenes.json").read_bytes()), truth),
        _words(Transcript.model_validate_json((folder / "transcript.json").read_bytes()), truth),
        *_lines(Ledger.model_validate_json((folder / "ledger.json").read_bytes()), truth),
        _mark(Watermarks.model_validate_json((folder / "watermarks.json").read_bytes()), truth),
    ]


def overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    """Intersection over union of two boxes (x, y, width, height)."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0, wide) * max(0, high)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def _cuts(scenes: Scenes, truth: dict[str, Any]) -> Check:
    wanted = [change["frame"] for change in truth["transitions"]]
    found = [scene.start_frame for scene in scenes.scenes[1:]]
    errors = [min((abs(cut - one) for one in found), default=10**6) for cut in wanted]
    near = sum(error <= 1 for error in errors)
    extra = sum(all(abs(cut - one) > 1 for cut in wanted) for one in found)
    worst = max((error for error in errors if error <= 1), default=0)
    return Check(
        "Scene cuts",
        near == len(wanted) and extra == 0,
        f"{near} of {len(wanted)}, {'one off by a frame' if worst else 'all to the frame'}; {extra} too many",
        "every cut within 1 frame, none too many",
        {"cuts": len(wanted), "within_one_frame": near, "extra": extra, "found": found, "wanted": wanted},
    )


def _words(transcript: Transcript, truth: dict[str, Any]) -> Check:
    said = " ".join(segment["text"] for segment in truth["speech"]["segments"])
    rate = word_error_rate(said, " ".join(word.text for word in transcript.words))
    return Check(
        "Words heard",
        rate <= MOST_WORD_ERRORS,
        f"word error rate {rate:.3f} over {len(said.split())} words",
        f"at most {MOST_WORD_ERRORS:.2f}",
        {"word_error_rate": round(rate, 4), "words": len(said.split())},
    )


def _lines(ledger: Ledger, truth: dict[str, Any]) -> tuple[Check, Check]:
    return _statuses(ledger, truth), _takes(ledger, truth)


def _statuses(ledger: Ledger, truth: dict[str, Any]) -> Check:
    found = {line.number: str(line.status) for line in ledger.lines if line.kind == "dialogue"}
    wanted = {line["number"]: line["status"] for line in truth["speech"]["lines"]}
    wrong = {number: [status, found.get(number)] for number, status in wanted.items() if found.get(number) != status}
    said = "".join(f"; line {number} is {was[0]}, was called {was[1]}" for number, was in wrong.items())
    return Check(
        "Status of script lines",
        not wrong and len(found) == len(wanted),
        f"{len(wanted) - len(wrong)} of {len(wanted)} right{said}",
        "every line",
        {"lines": len(wanted), "right": len(wanted) - len(wrong), "wrong": wrong},
    )


def _takes(ledger: Ledger, truth: dict[str, Any]) -> Check:
    """When the lines are spoken. The truth is by loudness, so a soft ending may be heard a little later."""
    takes = {line.number: line.takes for line in ledger.lines}
    errors = []
    for line in truth["speech"]["lines"]:
        for take in line["takes"]:
            near = [
                max(abs(one.start - take["start"]), abs(one.end - take["end"])) for one in takes.get(line["number"], ())
            ]
            errors.append(min(near, default=math.inf))
    within = sum(error <= 0.3 for error in errors)
    worst = max(errors)
    return Check(
        "Times of takes",
        worst <= 0.6,
        f"{within} of {len(errors)} within 0.3 s, worst {worst:.2f} s",
        "every take within 0.6 s",
        {"takes": len(errors), "within_300_ms": within, "worst_s": None if math.isinf(worst) else round(worst, 3)},
    )


def _mark(watermarks: Watermarks, truth: dict[str, Any]) -> Check:
    """One mark may be reported in pieces, one after the other; anything that is not the burnt-in one is too much."""
    (wanted,) = truth["watermarks"]
    box = tuple(wanted["box"])
    ours = [mark for mark in watermarks.marks if overlap(mark.box, box) >= LEAST_OVERLAP]
    best = max((overlap(mark.box, box) for mark in watermarks.marks), default=0.0)
    others = len(watermarks.marks) - len(ours)
    shared = _shared_time(ours, wanted["start_frame"], wanted["end_frame"])
    return Check(
        "Burnt-in mark",
        len(ours) == 1 and others == 0 and shared >= LEAST_OVERLAP,
        f"found {len(ours)}, IoU {best:.2f} in place, {shared:.2f} in time; {others} others",
        f"found once, IoU at least {LEAST_OVERLAP} in place and time, no other",
        {"found": len(ours), "iou": round(best, 3), "iou_time": round(shared, 3), "others": others},
    )


def _shared_time(marks: list[Mark], start: int, end: int) -> float:
    if not marks:
        return 0.0
    first, last = min(mark.start_frame for mark in marks), max(mark.end_frame for mark in marks)
    return max(0, min(last, end) - max(first, start)) / (max(last, end) - min(first, start))


def _frames(quality: QualityReport, rendition: Path, truth: dict[str, Any], asked: tuple[float, float]) -> Check:
    first, last = (math.ceil(round(second * truth["fps"], 6)) for second in asked)
    seen = decode_rendition(rendition)
    size = (truth["width"] * 2, truth["height"] * 2)
    exact = (quality.start_frame, quality.end_frame) == (first, last) and seen.frames == last - first
    exact = exact and quality.frames_in == quality.frames_out == last - first
    return Check(
        "Upscaled frames",
        exact and quality.pts_equal and (seen.width, seen.height) == size,
        f"{seen.frames} decoded, {seen.width} × {seen.height}, frames {quality.start_frame}–{quality.end_frame - 1}",
        f"exactly frames {first}–{last - 1}, {size[0]} × {size[1]}, each at its time",
        {
            "decoded": seen.frames,
            "wanted": last - first,
            "start_frame": quality.start_frame,
            "pts_equal": quality.pts_equal,
        },
    )


def _sound(quality: QualityReport, film: Path, rendition: Path, asked: tuple[float, float], fps: float) -> Check:
    offset = sound_offset_ms(film, rendition, *asked)
    frame_ms = 1000 / fps
    worst = max(abs(quality.av_drift_ms), abs(offset) if offset is not None else math.inf)
    measured = (
        "no sound"
        if offset is None
        else f"{offset:+.1f} ms at the start, {quality.av_drift_ms:+.1f} ms drift to the end"
    )
    return Check(
        "Sound in step",
        worst < frame_ms,
        measured,
        f"less than one frame ({frame_ms:.0f} ms)",
        {"offset_ms": None if offset is None else round(offset, 2), "drift_ms": quality.av_drift_ms},
    )
