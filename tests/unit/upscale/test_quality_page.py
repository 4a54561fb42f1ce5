"""The quality report as people read it."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from typing_extensions import override

from contracts.documents import ChunkReport, QualityReport
from upscale.adapters.quality_page import page_of

HOSTILE = """<img src=x onerror="alert('1')">&amp;"""


class Read(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    @override
    def handle_data(self, data: str) -> None:
        self.words += data


def a_report(**changes: Any) -> QualityReport:
    chunk = ChunkReport(
        index=0, frames=3, machine=HOSTILE, attempts=1, seconds=1.5, sha256="c" * 64, start_frame=0, cost=0.1
    )
    values: dict[str, Any] = {
        "frames_in": 3, "frames_out": 3, "pts_equal": True, "color_equal": True, "av_drift_ms": 0.0, "width": 64,
        "height": 36, "start_frame": 0, "end_frame": 3, "model": HOSTILE, "model_sha256": "a" * 64,
        "source_sha256": "b" * 64, "codec": "h264", "crf": 18, "preset": "faster", "container": "mp4",
        "sharpened_frames": 3, "seconds": 2.0, "currency": HOSTILE, "chunks": (chunk,), "passed": True,
        "failures": (), "warnings": (HOSTILE,),
    }  # fmt: skip
    return QualityReport(**{**values, **changes})


@pytest.mark.parametrize("failures", [(), (HOSTILE,)])
def test_nothing_that_others_have_named_becomes_part_of_the_page(failures: tuple[str, ...]) -> None:
    page = page_of(a_report(passed=not failures, failures=failures), None)

    read = Read()
    read.feed(page)
    assert "img" not in read.tags
    assert not {name for name in read.attributes if name.startswith("on")}
    assert HOSTILE in read.words


@pytest.mark.parametrize(("failures", "said"), [(("a",), "1 check failed"), (("a", "b"), "2 checks failed")])
def test_the_verdict_counts_what_is_wrong(failures: tuple[str, ...], said: str) -> None:
    page = page_of(a_report(passed=False, failures=failures), None)

    assert f"✕ {said}<" in page


def test_what_was_left_out_stands_before_the_chunks_of_which_there_may_be_thousands() -> None:
    page = page_of(a_report(), None)

    headings = re.findall("<h2>(.*?)</h2>", page)
    assert headings.index("What could not be carried over as it was") == 1
    assert headings[-1] == "Who made what"
