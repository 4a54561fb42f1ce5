"""What docs/quickstart.md tells a stranger to type, typed: against six real services, with a real film."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from matchcut.launcher import Launcher

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "quickstart.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(sh|python)\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)
MARK = "-- next block --"


def as_typed() -> str:
    """All blocks as one script for bash, which stops at the first command that fails."""
    typed = ["set -euo pipefail"]
    for language, block in BLOCKS:
        typed += [f"echo '{MARK}'", block if language == "sh" else f"python3 - <<'PYTHON'\n{block}PYTHON"]
    return "\n".join(typed)


def documents(printed: str) -> list[Any]:
    """The JSON documents that stand one behind the other in what was printed."""
    found, rest, decoder = [], printed.strip(), json.JSONDecoder()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].strip()
    return found


@pytest.mark.timeout(600)
def test_what_the_quickstart_says_works_as_it_is_written(
    launcher: Launcher, film: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copy(film[0], tmp_path / "film.mp4")
    shutil.copy(film[1], tmp_path / "script.txt")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MATCHCUT_URL": launcher.url,
        "MATCHCUT_USER": launcher.credentials.username,
        "MATCHCUT_PASSWORD": launcher.credentials.password,
    }

    run = subprocess.run(
        ["bash", "-c", as_typed()], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    _, signed_in, handed_in, watched, fetched, in_python, wrong = run.stdout.split(MARK)
    assert signed_in.strip() == "", "no secret is printed"
    assert json.loads(handed_in)["state"] == "received"
    last = json.loads([line for line in watched.splitlines() if line.startswith("data: ")][-1].removeprefix("data: "))
    assert (last["state"], last["passthrough"]) == ("succeeded", "order-4711")
    results, scenes, transcript, ledger = documents(fetched)
    assert {"scenes.json", "ledger.json"} <= {result["name"] for result in results["items"]}
    assert {0, 100} <= {scene["start_frame"] for scene in scenes["scenes"]}
    assert len(transcript["words"]) > 10
    assert [line["status"] for line in ledger["lines"]] == ["spoken", "spoken", "omitted"]
    assert in_python.strip().splitlines()[0].endswith("%")
    assert "succeeded 100%" in in_python
    assert "ledger.json" in in_python
    problem, meaning = documents(wrong)
    assert [error["field"] for error in problem["errors"]] == ["video_id"]
    assert meaning["type"] == problem["type"] == "/problems/invalid-request"
