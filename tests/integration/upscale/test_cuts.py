"""Seams lie at cuts: how many hard cuts of films with known ones the index finds."""

import json
from pathlib import Path

import pytest

from contracts.gateway import UpscaleOptions
from upscale.adapters.indexing import draw_plan
from upscale.domain.plan import Encoding
from upscale.ports import PlanOrder


def hard_cuts(truth: Path, name: str) -> set[int]:
    known = json.loads(truth.read_text())
    film = next(film for film in known.get("films", [known]) if film["file"] == name)
    return {change["frame"] for change in film["transitions"] if change["type"] == "hard"}


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("films/tears_of_steel_battle.webm", "films/films_a.truth.json"),
        ("films/big_buck_bunny_0_30.webm", "films/films_a.truth.json"),
        ("cuts/cuts_a.mp4", "cuts/cuts_a.truth.json"),
    ],
)
def test_a_chunk_ends_at_nearly_every_cut_that_lies_by_itself(evaluation_data: Path, name: str, truth: str) -> None:
    film = evaluation_data / name
    order = PlanOrder(film, "0" * 64, UpscaleOptions(), Encoding(), chunk_megapixels=1e-6)  # 24 frames a chunk
    cuts = hard_cuts(evaluation_data / truth, film.name)
    alone = {cut for cut in cuts if min((abs(cut - other) for other in cuts - {cut}), default=99) > 24}

    seams = {chunk.start for chunk in draw_plan(order).chunks}

    print(f"{film.name}: {len(alone & seams)} of {len(alone)} cuts begin a chunk")
    assert alone
    assert len(alone & seams) >= 0.9 * len(alone)
