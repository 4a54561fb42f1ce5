"""Films with many mistakes, misheard by a poor recognizer: how many lines the ledger gets right, and how fast."""

import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align.adapters.minilm import MiniLm
from align.adapters.weights import MINILM
from align.domain.ledger import tell_ledger
from align.domain.matching import match_script
from align.domain.script import ScriptLine, numbered
from align.domain.takes import recognized_times
from chassis.models import ModelStore
from contracts.documents import Ledger
from support.ledger_scores import status_f1
from support.ledger_stress import Film, shoot

PLAY = (Path(__file__).resolve().parents[2] / "support/coriolanus.txt").read_text().splitlines()


@pytest.fixture(scope="session")
def embed(tmp_path_factory: pytest.TempPathFactory) -> MiniLm:
    return MiniLm(ModelStore(None, tmp_path_factory.mktemp("models")).ensure(MINILM), threads=2)


def aligned(film: Film, embed: MiniLm) -> Ledger:
    script = numbered([ScriptLine(text, "dialogue", at + 1) for at, text in enumerate(film.lines)])
    matching = match_script(film.lines, film.words, embed)
    return tell_ledger(script, matching, film.words, recognized_times(matching, film.words))


@pytest.mark.parametrize(("errors", "accuracy", "macro"), [(0.0, 0.98, 0.96), (0.05, 0.96, 0.93), (0.15, 0.92, 0.82)])
def test_most_lines_are_right_however_many_words_are_misheard(
    embed: MiniLm, errors: float, accuracy: float, macro: float
) -> None:
    pairs: list[tuple[str, str]] = []
    sure: list[bool] = []
    takes = 0
    for seed in range(3):
        film = shoot(PLAY[60 * seed : 60 * seed + 60], errors=errors, seed=seed, restated=4)
        for true, spoken, line in zip(film.statuses, film.takes, aligned(film, embed).lines, strict=True):
            assert line.status is not None
            pairs.append((true, line.status.value))
            takes += len(spoken) == len(line.takes)
            sure += [true == line.status.value] * (line.confidence >= 0.9)

    assert sum(true == told for true, told in pairs) / len(pairs) >= accuracy
    assert status_f1(pairs)["macro"] >= macro
    assert takes / len(pairs) >= accuracy
    assert sum(sure) / len(sure) >= 0.9


@given(
    seed=st.integers(0, 10_000),
    begin=st.integers(0, len(PLAY) - 25),
    errors=st.sampled_from([0.0, 0.05, 0.15, 0.3]),
    mischief=st.floats(0.0, 0.9),
)
@settings(max_examples=8, deadline=None, derandomize=True)
def test_whatever_actors_and_recognizers_do_every_line_is_told_once_with_takes_in_the_film(
    embed: MiniLm, seed: int, begin: int, errors: float, mischief: float
) -> None:
    film = shoot(PLAY[begin : begin + 24], errors=errors, seed=seed, mischief=mischief, restated=1)

    ledger = aligned(film, embed)

    assert [line.text for line in ledger.lines] == film.lines
    assert ledger.script_matches != "no" or not any(film.takes)
    for line in ledger.lines:
        assert sum(take.chosen for take in line.takes) == bool(line.takes)
        assert all(0 <= take.start <= take.end <= film.words[-1].end + 1e-6 for take in line.takes)
        assert all(one.end <= other.start + 1e-6 for one, other in pairwise(line.takes))
        assert (line.status == "omitted") == (not line.takes)


@pytest.mark.parametrize("errors", [0.05, 0.15])
def test_another_scene_of_the_same_play_is_another_script(embed: MiniLm, errors: float) -> None:
    film = shoot(PLAY[:80], errors=errors, seed=1)
    film.lines = PLAY[90:170]

    ledger = aligned(film, embed)

    assert ledger.script_matches == "no"
    assert not any(line.takes for line in ledger.lines)


def test_a_script_in_another_order_matches_and_has_its_lines_moved(embed: MiniLm) -> None:
    script = [line for line in PLAY if len(line.split()) >= 6][:50]
    film = shoot(script, errors=0.05, seed=2, mischief=0, asides=False)
    film.lines = random.Random(3).sample(script, len(script))

    ledger = aligned(film, embed)

    assert ledger.script_matches == "yes"
    assert sum(line.status == "moved" for line in ledger.lines) >= 30
    assert sum(bool(line.takes) for line in ledger.lines) >= 48


_LONG = """
import random, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from chassis.models import ModelStore
from align.adapters.minilm import MiniLm
from align.adapters.weights import MINILM
from support.ledger_stress import shoot
from support.pseudo_script import pseudo_script
sys.path.insert(0, sys.argv[1] + "/integration/align")
from test_hard_films import aligned
embed = MiniLm(ModelStore(None, Path(sys.argv[2])).ensure(MINILM), threads=2)
film = shoot(pseudo_script(2000, seed=4), errors=0.07, seed=5, mischief=0.2)
ledger = aligned(film, embed)
right = sum(a == b.status.value for a, b in zip(film.statuses, ledger.lines)) / len(film.statuses)
# Not ru_maxrss: Linux counts into it what the process was before exec, which here is the whole test run.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
print(len(film.words), peak, right)
"""


def test_three_hours_of_film_and_a_hundred_and_twenty_pages_take_less_than_a_gigabyte(tmp_path: Path) -> None:
    tests = Path(__file__).resolve().parents[2]

    done = subprocess.run(
        [sys.executable, "-c", _LONG, str(tests), str(tmp_path)], capture_output=True, text=True, check=True
    )

    words, megabytes, right = map(float, done.stdout.split())
    assert words >= 20_000
    assert megabytes <= 1000
    assert right >= 0.95
