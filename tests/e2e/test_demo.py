"""The demo story: one command, and a real clip comes back taken apart, checked against its known truth."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typing_extensions import override


class Addresses(HTMLParser):
    """Every address a page would load something from."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"img", "script", "link", "iframe", "source"}:
            self.found += [value for name, value in attrs if name in {"src", "href", "srcset"} and value]


@pytest.mark.timeout(600)
def test_the_demo_finds_what_was_put_into_its_clip(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("matchcut")), "demo", "--out", str(tmp_path / "out"), "--json"]

    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    told = json.loads(run.stdout)
    assert told["checks"]
    assert all(check["passed"] for check in told["checks"].values()), told["checks"]
    for name in (
        "media.json", "scenes.json", "transcript.json", "ledger.json", "watermarks.json", "rendition.mp4", "qc.json",
        "timeline.otio", "script.srt", "script.vtt", "report.html", "job.json",
    ):  # fmt: skip
        assert (tmp_path / "out" / name).stat().st_size > 50, name
    page = Addresses()
    page.feed((tmp_path / "out" / "report.html").read_text())
    assert page.found
    assert all(address.startswith(("data:", "#")) for address in page.found)
