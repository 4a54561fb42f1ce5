"""Trials of the ledger on films that never were: lines by class, how sure it is, and scripts of other films."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

from align.adapters.minilm import MiniLm
from align.domain.ledger import tell_ledger
from align.domain.matching import match_script
from align.domain.script import ScriptLine, numbered
from align.domain.takes import recognized_times
from contracts.documents import Ledger
from support.ledger_peers import by_difflib
from support.ledger_scores import score_ledger, status_f1
from support.ledger_stress import Film, shoot

__all__ = ["RATES", "Pairs", "Trial", "calibration", "film_truth", "laid_beside", "trials", "verdicts"]

RATES = (0.0, 0.05, 0.15, 0.30)
"""Shares of words misheard."""
PLAY = Path(__file__).with_name("coriolanus.txt").read_text().splitlines()
_SCENE = 60
_SEEDS = 3

Pairs = list[tuple[str, str]]
"""True and told statuses."""


@dataclass
class Trial:
    """What came of all films at one rate, by one way of finding the lines."""

    rate: float
    pairs: Pairs = field(default_factory=list)
    scores: list[Mapping[str, Any]] = field(default_factory=list)
    sure: list[tuple[float, bool]] = field(default_factory=list)
    """How sure of each line, and whether it was right; empty for those who never say."""

    @property
    def figures(self) -> dict[str, Any]:
        """The rows of the tables."""
        f1 = status_f1(self.pairs)
        return {
            "lines": len(self.pairs),
            "accuracy": sum(true == told for true, told in self.pairs) / len(self.pairs),
            "macro_f1": f1.pop("macro"),
            "f1": f1,
            "chosen_right": mean(one["chosen_right"] for one in self.scores),
            "takes_right": mean(one["takes_right"] for one in self.scores),
            "edges_within_0.3s": mean(one["edges_within_0.3s"] for one in self.scores),
            "ad_lib_recall": mean(one["ad_libs"]["recall"] for one in self.scores),
            "ad_lib_precision": mean(one["ad_libs"]["precision"] for one in self.scores),
        }

    def add(self, film: Film, ledger: Mapping[str, Any]) -> None:
        """One more film."""
        scores = score_ledger(film_truth(film), ledger)
        self.scores.append(scores)
        for true, line in zip(film.statuses, ledger["lines"], strict=True):
            self.pairs.append((true, line["status"]))
            if "confidence" in line:
                self.sure.append((line["confidence"], true == line["status"]))


def film_truth(film: Film) -> dict[str, Any]:
    """A film as truth files have it."""
    lines = []
    for status, takes in zip(film.statuses, film.takes, strict=True):
        told = [
            {"take": at + 1, "start": start, "end": end, "complete": complete}
            for at, (start, end, complete) in enumerate(takes)
        ]
        best = max((one["take"] for one in told if one["complete"]), default=len(told) or None)
        lines.append({"status": status, "takes": told, "best_take": best})
    return {"lines": lines, "adlibs": [{"start": start, "end": end} for start, end in film.ad_libs]}


def laid_beside(film: Film, embed: MiniLm, lines: Sequence[str] | None = None) -> Ledger:
    """The ledger of a film, and of another script than its own where ``lines`` are given."""
    texts = list(film.lines if lines is None else lines)
    script = numbered([ScriptLine(text, "dialogue", at + 1) for at, text in enumerate(texts)])
    matching = match_script(texts, film.words, embed)
    return tell_ledger(script, matching, film.words, recognized_times(matching, film.words))


def _films(rate: float, seeds: int = _SEEDS) -> Iterator[tuple[int, Film]]:
    for seed in range(seeds * (len(PLAY) // _SCENE)):
        begin = _SCENE * (seed % (len(PLAY) // _SCENE))
        yield begin, shoot(PLAY[begin : begin + _SCENE], errors=rate, seed=100 + seed, restated=4)


def trials(embed: MiniLm, *, seeds: int = _SEEDS) -> tuple[list[Trial], list[Trial]]:
    """Our trials and those of a user's own script with difflib, one each for every rate."""
    ours, peers = [], []
    for rate in RATES:
        mine, theirs = Trial(rate), Trial(rate)
        for _, film in _films(rate, seeds):
            mine.add(film, laid_beside(film, embed).model_dump(mode="json"))
            theirs.add(film, by_difflib(film.lines, film.words))
        ours.append(mine)
        peers.append(theirs)
    return ours, peers


_BOUNDS = (0.0, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)


def calibration(sure: Sequence[tuple[float, bool]]) -> list[dict[str, Any]]:
    """Lines by how sure the ledger was of them: how many, what it said on average, and how many were right."""
    rows = []
    for low, high in pairwise(_BOUNDS):
        inside = [(said, right) for said, right in sure if low <= said < high]
        if inside:
            rows.append(
                {
                    "confidence": f"{low:.2f} to {min(high, 1):.2f}",
                    "lines": len(inside),
                    "said": mean(said for said, _ in inside),
                    "right": mean(right for _, right in inside),
                }
            )
    return rows


def verdicts(embed: MiniLm, *, seeds: int = 1) -> dict[str, Counter[str]]:
    """How often a script was called this film's (yes, partly, no), by what kind of script it was.

    Scripts of other films are other scenes of the same play: the same people and their names, the hardest there are.
    """
    told: dict[str, Counter[str]] = {}
    for rate in RATES:
        for begin, film in _films(rate, seeds):
            rng = random.Random(begin)
            other = (begin + _SCENE) % len(PLAY)
            scripts = [
                ("its own", film.lines),
                ("its own, lines shuffled", rng.sample(film.lines, len(film.lines))),
                ("its own, half of the lines", film.lines[: len(film.lines) // 2]),
                ("another scene of the play", PLAY[other : other + _SCENE]),
            ]
            for kind, lines in scripts:
                told.setdefault(kind, Counter())[laid_beside(film, embed, lines).script_matches] += 1
    return told
