"""The report: complete in itself, and right for every kind of result."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typing_extensions import override

from contracts.documents import Ledger, LedgerLine, LineStatus, Scene, Scenes, Take, Transcript
from matchcut.demo.clip import DemoClip, truth_of
from matchcut.demo.edit import SHOTS
from matchcut.demo.sound import compose_sound
from matchcut.report import CheckRow, render_report
from matchcut.report.documents import read_documents
from matchcut.report.timeline import WIDTH, draw
from matchcut.report.wording import clock, differences
from support.report_documents import write_result_folder

CLIP = DemoClip(Path("two_cities.mp4"), Path("two_cities.txt"), Path("two_cities.truth.json"))


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(truth_of(compose_sound(sum(shot.frames for shot in SHOTS))[1], CLIP)))
    return made


@pytest.fixture
def result(truth: dict[str, Any], tmp_path: Path) -> Path:
    return write_result_folder(tmp_path, truth)


class Page(HTMLParser):
    """What a page loads, and whether its tags close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.scripts = 0
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        self.scripts += tag == "script"
        if tag not in ("meta", "img", "br", "link", "input"):
            self.open.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    @override
    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass


def test_the_page_loads_nothing_and_runs_nothing(result: Path) -> None:
    page = Page(render_report(result, title="Film"))

    assert page.scripts == 0
    assert all(address.startswith("data:") for address in page.addresses)


def test_every_status_is_named_and_coloured(result: Path) -> None:
    text = render_report(result, title="Film")

    for status in LineStatus:
        assert re.search(rf'<tr class="{status}">', text), status
        assert f'<span class="chip">{status}</span>' in text
    assert "One, two, three" in text  # an ad-lib


def test_a_folder_without_any_document_makes_a_page_too(tmp_path: Path) -> None:
    text = render_report(tmp_path, title="Nothing came of it")

    assert "Nothing came of it" in text
    assert "<h2>Timeline" not in text


@pytest.mark.parametrize(
    "absent",
    ["media.json", "scenes.json", "transcript.json", "ledger.json", "watermarks.json", "qc.json", "job.json"],
)
def test_any_one_document_may_be_absent(result: Path, absent: str) -> None:
    (result / absent).unlink()

    assert "<footer>" in render_report(result, title="Film")


def test_names_from_outside_cannot_become_markup(result: Path) -> None:
    evil = "<script>alert(1)</script> & \"quoted\" 'too'"
    ledger = Ledger.model_validate_json((result / "ledger.json").read_bytes())
    lines = tuple(line.model_copy(update={"text": evil}) for line in ledger.lines)
    (result / "ledger.json").write_text(ledger.model_copy(update={"lines": lines}).model_dump_json())

    text = render_report(result, title=evil, credits=[(evil, evil)], checks=[CheckRow(evil, evil, evil, True)])

    assert Page(text).scripts == 0
    assert "<script" not in text


def test_a_film_without_speech_or_marks_says_so(result: Path) -> None:
    (result / "transcript.json").write_text(
        Transcript(language=None, duration=3, words=(), segments=()).model_dump_json()
    )
    (result / "watermarks.json").write_text('{"marks": [], "inconclusive": [[0, 2.5]]}')

    text = render_report(result, title="Film")

    assert "Nobody speaks in this film." in text
    assert "No watermark and no logo was found." in text
    assert "0:00.0 – 0:02.5" in text


def test_failed_checks_are_counted_at_the_top(result: Path) -> None:
    rows = [CheckRow("Cuts", "1", "2", False), CheckRow("Words", "1", "1", True)]

    assert "1 of 2 checks against the known truth failed" in render_report(result, title="Film", checks=rows)


def test_key_frames_are_small_pictures_inside_the_page(result: Path) -> None:
    (result / "keyframes").mkdir()
    for number in range(len(SHOTS)):
        Image.new("RGB", (1920, 1080), (number * 20, 90, 90)).save(result / "keyframes" / f"{number:04}.jpg")
    (result / "keyframes" / "0003.jpg").write_bytes(b"this is no picture")

    text = render_report(result, title="Film")

    assert text.count("data:image/jpeg") == 2 * (len(SHOTS) - 1)
    assert len(text) < 300_000


def test_a_three_hour_film_of_two_thousand_scenes_stays_a_page_one_can_open(tmp_path: Path) -> None:
    shots = tuple(
        Scene(
            index=n, start_frame=n * 135, end_frame=n * 135 + 135, start=n * 5.4, end=n * 5.4 + 5.4,
            transition="cut", score=1, keyframe=f"keyframes/{n}.jpg",
        )
        for n in range(2000)
    )  # fmt: skip
    (tmp_path / "scenes.json").write_text(Scenes(scenes=shots).model_dump_json())

    text = render_report(tmp_path, title="Film")

    assert len(text) < 1_500_000
    assert "2 000 shots" in text


def test_everything_on_the_timeline_lies_inside_it(result: Path) -> None:
    timeline = draw(read_documents(result), {})

    bars = [bar for row in timeline.rows for bar in row.bars]
    assert [row.name for row in timeline.rows] == ["Scenes", "Script", "Words", "Marks", "Upscaled"]
    assert all(timeline.left <= bar.x and bar.x + bar.width <= WIDTH for bar in bars)
    assert all(bar.y >= 0 and bar.y + bar.height <= timeline.height for bar in bars)


def test_a_take_that_was_not_chosen_is_paler(result: Path) -> None:
    timeline = draw(read_documents(result), {})
    script = next(row for row in timeline.rows if row.name == "Script")

    repeated = [bar.css for bar in script.bars if "repeated" in bar.css]

    assert repeated == ["status repeated unchosen", "status repeated"]


def test_changed_words_are_told_apart_from_kept_ones() -> None:
    pieces = differences("All of us were headed there.", "We were all headed there")

    assert ("same", "headed there.") in [(piece.kind, piece.text) for piece in pieces]
    assert {piece.kind for piece in pieces} == {"same", "unsaid", "added"}


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.0"), (59.96, "1:00.0"), (62.34, "1:02.3"), (3725.0, "1:02:05.0")]
)
def test_times_are_written_as_a_clock_shows_them(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_a_line_without_a_status_or_takes_is_shown_plainly(tmp_path: Path) -> None:
    lines = (
        LedgerLine(line_id="1", number=1, text="Nobody knows.", kind="dialogue"),
        LedgerLine(
            line_id="2", number=2, text="Somebody does.", kind="dialogue", status=LineStatus.PARAPHRASED,
            takes=(Take(start=1, end=2, chosen=True, complete=True, score_text=1),),
        ),
    )  # fmt: skip
    (tmp_path / "ledger.json").write_text(Ledger(script_matches="no", coverage=0, lines=lines).model_dump_json())

    text = render_report(tmp_path, title="Film")

    assert "Nobody knows." in text
    assert "does not look like the script" in text
