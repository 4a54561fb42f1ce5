"""Every export is read back by somebody else's reader, whatever stands in the ledger."""

import csv
import io
import json
import re
import unicodedata
import warnings
import xml.etree.ElementTree as ET
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pysubs2
import pytest
import ttconv.imsc.reader
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from praatio import textgrid as praat

from align.adapters.exports import exports_of
from align.domain.exports.film import Source, film_of
from align.domain.fountain import parse_fountain
from align.domain.script import EmptyScript
from contracts.documents import AdLib, Ledger, LedgerLine, LineStatus, Scene, Scenes, Take, TakeWord

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/schemas/ledger.schema.json").read_text())
NTSC = Source(name="The film & me.mov", frame_rate="30000/1001", start_timecode="01:00:00;00", duration=20.02)
TEXTS = (
    'Bread & butter, <b>bold</b> and "quotes"; 2 > 1.',
    "שלום עולם, מה שלומך?",
    "Smile 😀 at {the} camera \\N once more --> now.",
    "=SUM(A1:A9)",
    "It's 50% *off* | and more [[here]] /* now */.",
)


def a_take(start: float, text: str, *, chosen: bool = True, step: float = 0.4) -> Take:
    words = tuple(
        TakeWord(text=word, start=round(start + n * step, 3), end=round(start + (n + 0.8) * step, 3), score=0.9,
                 source="aligned")
        for n, word in enumerate(text.split())
    )  # fmt: skip
    return Take(
        start=start, end=words[-1].end, chosen=chosen, complete=True, score_text=1, spoken_text=text, words=words
    )


def a_line(number: int, text: str, *takes: Take, speaker: str | None = "ANNA", status: str = "spoken") -> LedgerLine:
    return LedgerLine(
        line_id=f"L{number:02d}", number=number, text=text, kind="dialogue", speaker=speaker,
        status=LineStatus(status), takes=takes, confidence=0.9, source_line=number * 2,
    )  # fmt: skip


def a_ledger(*texts: str, pace: float = 4.0, speaker: str | None = "ANNA, the (older) {one}") -> Ledger:
    lines = [a_line(n + 1, text, a_take(1.0 + n * pace, text), speaker=speaker) for n, text in enumerate(texts)]
    heading = LedgerLine(line_id="H001", number=0, text="INT. HOUSE - DAY", kind="heading")
    aside = LedgerLine(line_id="P002", number=0, text="(softly)", kind="parenthetical", speaker="ANNA")
    action = LedgerLine(line_id="A003", number=0, text="SHE RUNS.", kind="action")
    return Ledger(
        script_matches="yes", coverage=1, lines=(heading, aside, action, *lines),
        ad_libs=(AdLib(start=0.2, end=0.8, text="um, =well"),),
    )  # fmt: skip


def scenes(*frames: int, rate: Fraction = Fraction(30000, 1001)) -> Scenes:
    edges = list(pairwise(frames))
    return Scenes(
        scenes=tuple(
            Scene(index=n, start_frame=a, end_frame=b, start=round(float(a / rate), 3), end=round(float(b / rate), 3),
                  transition="cut", score=1)
            for n, (a, b) in enumerate(edges)
        )
    )  # fmt: skip


def written(ledger: Ledger, shots: Scenes | None = None, source: Source = NTSC) -> dict[str, str]:
    return {kind: content.decode() for kind, (_, content) in exports_of(ledger, shots, source, title="My play").items()}


def words_in(ledger: Ledger) -> list[str]:
    return [word.text for line in ledger.lines for take in line.takes for word in take.words]


def test_the_ledger_itself_fits_its_schema() -> None:
    Draft202012Validator(SCHEMA).validate(json.loads(a_ledger(*TEXTS).model_dump_json()))


def test_subrip_is_read_by_pysubs2_with_text_and_times() -> None:
    ledger = a_ledger("Bread & butter.", TEXTS[1])

    events = pysubs2.SSAFile.from_string(written(ledger)["srt"], "srt")

    assert [event.plaintext for event in events] == ["Bread & butter.", TEXTS[1]]
    assert [(event.start, event.end) for event in events] == [(1000, 2120), (5000, 6520)]


def test_webvtt_is_read_by_webvtt_py_with_voices_and_a_time_for_each_word() -> None:
    cues = webvtt.from_string(written(a_ledger(*TEXTS))["vtt"]).captions

    # It takes tags away and leaves what is escaped as it is.
    assert " ".join(cues[0].text.split()) == TEXTS[0].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert {cue.voice for cue in cues} == {"ANNA, the (older) {one}"}
    assert (cues[1].start, cues[1].end) == ("00:00:05.000", "00:00:06.520")
    assert re.findall(r"<(\d\d:\d\d:\d\d\.\d{3})>", cues[1].raw_text) == [
        "00:00:05.400",
        "00:00:05.800",
        "00:00:06.200",
    ]


def test_ass_is_read_by_pysubs2_with_names_and_a_time_for_each_word() -> None:
    ledger = a_ledger(*TEXTS)

    events = pysubs2.SSAFile.from_string(written(ledger)["ass"], "ass")

    shown = [event.plaintext.replace("\n", " ").replace("\u2060", "") for event in events]
    assert shown == [text.replace("{the}", "\uff5bthe\uff5d") for text in TEXTS]
    assert {event.name for event in events} == {"ANNA; the (older) \uff5bone\uff5d"}
    spans = [int(span) for span in re.findall(r"\{\\k(\d+)\}", events[1].text)]
    assert spans == [40, 40, 40, 32]
    assert sum(spans) * 10 == events[1].duration
    assert (events.info["PlayResX"], events.info["PlayResY"]) == ("1920", "1080")


def test_ttml_is_read_by_ttconv_with_its_rows_and_times() -> None:
    document = ttconv.imsc.reader.to_model(ET.ElementTree(ET.fromstring(written(a_ledger(*TEXTS))["ttml"])))

    body = document.get_body()
    assert body is not None
    paragraphs = list(next(iter(body)))
    texts = [" ".join(_text_of(one).split()) for one in paragraphs]
    assert texts == list(TEXTS)
    assert (paragraphs[1].get_begin(), paragraphs[1].get_end()) == (Fraction(5), Fraction(652, 100))
    assert "direction" in {style.__name__.lower() for style in paragraphs[1].iter_styles()}
    assert len(list(document.iter_regions())) == 1


def _text_of(one: Any) -> str:
    name = type(one).__name__
    if name == "Text":
        return str(one.get_text())
    return " " if name == "Br" else "".join(_text_of(child) for child in one)


def test_the_spreadsheet_has_a_row_for_each_take_and_nothing_that_runs() -> None:
    takes = (a_take(1.0, "Hello there.", chosen=False), a_take(3.0, "Hello there."))
    ledger = Ledger(
        script_matches="yes", coverage=0.5,
        lines=(a_line(1, "Hello there.", *takes, status="repeated"), a_line(2, "=1+1", status="omitted")),
        ad_libs=(AdLib(start=0.2, end=0.8, text="@home"),),
    )  # fmt: skip

    text = written(ledger)["csv"]
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))

    assert text.startswith("\ufeff")
    assert [(row["line_id"], row["take"], row["chosen"]) for row in rows] == [
        ("L01", "1", "no"), ("L01", "2", "yes"), ("L02", "", ""), ("", "", ""),
    ]  # fmt: skip
    assert (rows[1]["start"], rows[1]["start_timecode"]) == ("3.000", "01:00:02;29")
    assert (rows[2]["status"], rows[2]["text"]) == ("omitted", "'=1+1")
    assert (rows[3]["kind"], rows[3]["spoken_text"], rows[3]["end"]) == ("ad_lib", "'@home", "0.800")
    assert all(None not in row for row in rows)


def test_markers_for_resolve_are_rows_under_its_heads_and_events_with_colour_name_and_length() -> None:
    got = written(a_ledger("Hello | there."))

    [row] = csv.DictReader(io.StringIO(got["resolve-csv"].removeprefix("\ufeff"), newline=""))
    timeline = otio.adapters.read_from_string(got["resolve-edl"], "cmx_3600", rate=30000 / 1001)
    assert (row["Record In"], row["Record Out"], row["Color"]) == ("01:00:00;29", "01:00:02;04", "Green")
    [event] = [one for one in timeline.find_clips() if one.media_reference is not None]
    assert event.source_range.start_time.to_timecode() == "01:00:00;29"
    assert "|C:ResolveColorGreen |M:L01 Hello / there. |D:35" in got["resolve-edl"]


def test_textgrid_is_read_by_praatio_with_lines_words_speakers_and_ad_libs(tmp_path: Path) -> None:
    ledger = a_ledger(*TEXTS)
    (tmp_path / "a.TextGrid").write_text(written(ledger)["textgrid"], encoding="utf-8")

    grid = praat.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=False)

    assert grid.tierNames == ("lines", "words", "speakers", "ad-libs")
    assert [entry.label for entry in grid.getTier("lines").entries] == [f"L{n:02d} {t}" for n, t in enumerate(TEXTS, 1)]
    assert [entry.label for entry in grid.getTier("words").entries] == words_in(ledger)
    assert (grid.getTier("words").entries[1].start, grid.getTier("words").entries[1].end) == (1.4, 1.72)
    assert grid.maxTimestamp == max(take.end for line in ledger.lines for take in line.takes) > 20.02


def test_takes_that_overlap_are_on_tiers_and_markers_of_their_own(tmp_path: Path) -> None:
    lines = (a_line(1, "One two three.", a_take(1.0, "One two three.")), a_line(2, "Me too.", a_take(1.3, "Me too.")))
    got = written(Ledger(script_matches="yes", coverage=1, lines=lines))
    (tmp_path / "a.TextGrid").write_text(got["textgrid"], encoding="utf-8")

    grid = praat.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=False)
    clips = list(otio.adapters.read_from_string(got["otio"]).find_clips())

    assert {"lines", "lines 2", "words", "words 2"} <= set(grid.tierNames)
    assert [marker.name[:3] for marker in clips[0].markers] == ["L01", "L02"]
    assert len(pysubs2.SSAFile.from_string(got["srt"], "srt")) == 2


@pytest.mark.parametrize(
    ("rate", "start", "drop"),
    [("30000/1001", "01:00:00;00", True), ("60000/1001", "01:00:00;00", True), ("30000/1001", "01:00:00:00", False),
     ("24000/1001", "01:00:00:00", False), ("25/1", "10:00:00:00", False), ("24/1", None, False)],
)  # fmt: skip
def test_edit_lists_and_timelines_are_read_by_opentimelineio_to_the_frame(
    rate: str, start: str | None, drop: bool
) -> None:
    source = Source(name="film.mov", frame_rate=rate, start_timecode=start, duration=100)
    shots = scenes(0, 61, 1801, 2500, rate=Fraction(rate))
    ledger = a_ledger("One two.", "Three four.", pace=70)
    got, film = written(ledger, shots, source), film_of(shots, source, title="x")
    speed, first = float(Fraction(rate)), film.clock.start

    for kind, adapter, more in timelines(speed):
        clips = [clip.source_range for clip in video_clips(got[kind], adapter, **more)]
        ranges = [(round(one.start_time.value), round(one.duration.value)) for one in clips]
        meant = [(first, 61), (first + 61, 1740), (first + 1801, 699)]
        if kind == "fcpxml":
            # Its reader takes rates for whole and cuts off: that there are three clips is all it knows of these.
            assert len(ranges) == len(meant)
            assert frames_in(got[kind], Fraction(rate)) == meant
        else:
            assert ranges == meant, kind
            assert all(abs(one.start_time.rate - speed) < 0.01 for one in clips), kind
    assert ("FCM: DROP FRAME" in got["edl"]) is drop
    assert film.clock.timecode(61) in got["edl"]
    assert f"<displayformat>{'DF' if drop else 'NDF'}</displayformat>" in got["fcp7"]
    assert f'tcFormat="{"DF" if drop else "NDF"}"' in got["fcpxml"]


def frames_in(fcpxml: str, rate: Fraction) -> list[tuple[float, float]]:
    """Start and duration of each clip, in frames and parts of them."""
    clips = ET.fromstring(fcpxml.split("\n", 2)[2]).iter("asset-clip")
    times = [(clip.get("start", ""), clip.get("duration", "")) for clip in clips]
    return [(float(Fraction(start[:-1]) * rate), float(Fraction(length[:-1]) * rate)) for start, length in times]


def timelines(rate: float) -> list[tuple[str, str, dict[str, Any]]]:
    """Each export that is a timeline, and who reads it."""
    return [
        ("otio", "otio_json", {}), ("edl", "cmx_3600", {"rate": rate}), ("fcp7", "fcp_xml", {}),
        ("fcpxml", "fcpx_xml", {}),
    ]  # fmt: skip


def video_clips(text: str, adapter: str, **more: Any) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the adapters' own: deprecated calls
        found = otio.adapters.read_from_string(text, adapter, **more)
    found = found[0] if isinstance(found, otio.schema.SerializableCollection) else found
    tracks = found.video_tracks() if isinstance(found, otio.schema.Timeline) else [found]
    return [clip for track in tracks for clip in track.find_clips()]


def test_a_marker_has_a_short_name_of_whole_words_and_a_timeline_the_scripts_title() -> None:
    text = "It was the epoch of belief, it was the epoch of incredulity, it was the season."
    exports = exports_of(a_ledger(text, "長" * 80), scenes(0, 61, 600), NTSC, title="The pier v1.2.fdx")

    got = {kind: content.decode() for kind, (_, content) in exports.items()}
    names = [marker.name for clip in video_clips(got["otio"], "otio_json") for marker in clip.markers]
    assert names == ["L01 It was the epoch of belief, it was the epoch of...", f"L02 {'長' * 53}..."]
    assert all(name in got[kind] for name in names for kind in ("edl", "resolve-edl", "resolve-csv", "fcp7", "fcpxml"))
    assert "TITLE: The pier v1.2\r\n" in got["edl"]
    assert got["fountain"].startswith("Title: The pier v1.2\n")


def test_what_is_said_after_the_last_picture_is_in_captions_and_tables_and_on_no_timeline() -> None:
    got = written(a_ledger("One two.", "Three four.", pace=30), scenes(0, 61, 600))

    assert [len(clip.markers) for clip in video_clips(got["otio"], "otio_json")] == [1, 0]
    assert all("Three four" not in got[kind] for kind in ("edl", "resolve-edl", "resolve-csv", "fcp7", "fcpxml"))
    assert all("Three" in got[kind] for kind in ("srt", "vtt", "ass", "ttml", "csv", "textgrid", "fountain"))


def test_a_parenthetical_stands_between_the_name_and_the_speech_and_is_read_back_so() -> None:
    line = a_line(1, "Come in.", a_take(1.0, "Come in."))
    aside = LedgerLine(line_id="P001", number=0, text="(to Ben (who sits))", kind="parenthetical", speaker="ANNA")

    text = written(Ledger(script_matches="yes", coverage=1, lines=(aside, line)))["fountain"]

    assert "@ANNA\n(to Ben (who sits))\nCome in. [[L01: spoken" in text
    read = [(one.kind, one.speaker, one.text) for one in parse_fountain(text).lines]
    assert read == [("parenthetical", "ANNA", "(to Ben (who sits))"), ("dialogue", "ANNA", "Come in.")]


def test_each_line_is_a_marker_where_it_begins_in_every_timeline() -> None:
    shots = scenes(0, 61, 600)
    got = written(a_ledger("One <two>.", "Three & four.", pace=4), shots)

    otio_clips = video_clips(got["otio"], "otio_json")
    counted = Source(name="film.mov", frame_rate="30000/1001", start_timecode="01:00:00:00")
    whole = written(a_ledger("One <two>.", "Three & four.", pace=4), shots, counted)["edl"]
    edl_clips = video_clips(whole, "cmx_3600", rate=30000 / 1001)
    fcpx = ET.fromstring(got["fcpxml"].split("\n", 2)[2])
    sequence = otio.adapters.read_from_string(got["fcp7"], "fcp_xml")

    assert [[one.name for one in clip.markers] for clip in otio_clips] == [["L01 One <two>."], ["L02 Three & four."]]
    marks = [one for clip in edl_clips for one in clip.markers]
    assert [len(clip.markers) for clip in edl_clips] == [1, 1]
    assert [(round(one.marked_range.start_time.value), one.color, one.name) for one in marks] == [
        (108_029, "GREEN", "L01 One <two>."), (108_149, "GREEN", "L02 Three & four."),
    ]  # fmt: skip
    # Their reader passes over locators that are counted drop-frame.
    assert re.findall(r"LOC: (\S+) GREEN", got["edl"]) == ["01:00:00;29", "01:00:04;29"]
    assert [(one.get("value"), one.get("start")) for one in fcpx.iter("marker")] == [
        ("L01 One <two>.", f"{(107892 + 29) * 1001}/30000s"), ("L02 Three & four.", f"{(107892 + 149) * 1001}/30000s"),
    ]  # fmt: skip
    markers = sequence.tracks.markers
    assert [(one.name, round(one.marked_range.start_time.value)) for one in markers] == [
        ("L01 One <two>.", 29), ("L02 Three & four.", 149),
    ]  # fmt: skip


def test_an_fcpxml_is_whole_every_reference_is_there_and_every_time_is_a_whole_frame() -> None:
    root = ET.fromstring(written(a_ledger(*TEXTS), scenes(0, 61, 600))["fcpxml"].split("\n", 2)[2])
    frame = Fraction(1001, 30000)

    ids = {one.get("id") for one in root.find("resources") or ()}
    refs = {one.get(name) for one in root.iter() for name in ("ref", "format") if one.get(name)}
    times = [
        one.get(name) for one in root.iter() for name in ("start", "offset", "duration", "tcStart") if one.get(name)
    ]
    spine = [(one.get("offset"), one.get("duration")) for one in root.iter("asset-clip")]

    assert refs <= ids
    assert all((Fraction(str(time).removesuffix("s")) / frame).denominator == 1 for time in times)
    edges = [(Fraction(str(a)[:-1]), Fraction(str(a)[:-1]) + Fraction(str(b)[:-1])) for a, b in spine]
    assert [edge[1] for edge in edges[:-1]] == [edge[0] for edge in edges[1:]]
    assert root.find(".//asset").get("src") == "file:///The%20film%20%26%20me.mov"  # type: ignore[union-attr]


def test_annotated_fountain_is_read_by_screenplain_and_by_us_as_the_script_it_was() -> None:
    from screenplain.parsers import fountain

    ledger = a_ledger(*TEXTS, speaker="ANNA")
    text = written(ledger)["fountain"]

    theirs = [one for one in fountain.parse(io.StringIO(text)) if type(one).__name__ == "Dialog"]
    ours = parse_fountain(text)

    spoken = [
        "".join(str(part) for _, part in one.blocks).replace("\u2060", "")
        for one in theirs
        if str(one.character) == "ANNA"
    ]
    assert [unicodedata.normalize("NFC", part) for part in spoken if part != "(softly)"] == list(TEXTS)
    assert [line.text.replace("\u2060", "") for line in ours.spoken] == list(TEXTS)
    assert {line.speaker for line in ours.spoken} == {"ANNA"}
    assert [line.text for line in ours.lines if line.kind in ("heading", "action")] == ["INT. HOUSE - DAY", "SHE RUNS."]
    assert "[[L02: spoken; take 1 01:00:04;29 - 01:00:06;15]]" in text
    assert "[[ad-lib 01:00:00;06 - 01:00:00;23: um, =well]]" in text


EMPTY = Ledger(script_matches="no", coverage=0, lines=())
UNRELATED = Ledger(
    script_matches="no", coverage=0, lines=(a_line(1, "Nobody says this.", status="omitted", speaker=None),)
)


@pytest.mark.parametrize("ledger", [EMPTY, UNRELATED], ids=["empty", "unrelated"])
@pytest.mark.parametrize("source", [NTSC, Source()], ids=["measured", "unknown"])
def test_a_ledger_without_times_has_exports_without_times_that_others_read(
    ledger: Ledger, source: Source, tmp_path: Path
) -> None:
    got = written(ledger, None, source)

    (tmp_path / "a.TextGrid").write_text(got["textgrid"], encoding="utf-8")
    assert praat.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=False).getTier("lines").entries == ()
    assert got["srt"] == ""
    assert webvtt.from_string(got["vtt"]).captions == []
    assert len(pysubs2.SSAFile.from_string(got["ass"], "ass")) == 0
    assert ttconv.imsc.reader.to_model(ET.ElementTree(ET.fromstring(got["ttml"]))) is not None
    rate = 30000 / 1001 if source is NTSC else 25
    for kind, adapter, more in timelines(rate):
        [clip] = video_clips(got[kind], adapter, **more)
        assert not clip.markers
    assert "The script is not the film's" in got["fountain"] or "The script is not this film's" in got["fountain"]


def test_a_film_of_three_hours_with_two_thousand_lines_is_whole_to_its_end() -> None:
    lines = tuple(
        a_line(
            n + 1, "Some words that are said.", a_take(n * 5.3 + 1, "Some words that are said."), speaker=f"P{n % 9}"
        )
        for n in range(2000)
    )
    edges = [round(n * 10 * 30000 / 1001) for n in range(1081)]
    source = Source(name="long.mov", frame_rate="30000/1001", start_timecode="23:30:00;00", duration=10_800)

    got = written(Ledger(script_matches="yes", coverage=1, lines=lines), scenes(*edges), source)

    clips = video_clips(got["edl"], "cmx_3600", rate=30000 / 1001)
    last = pysubs2.SSAFile.from_string(got["srt"], "srt")[-1]
    assert len(clips) == 1080
    assert "02:26:" in got["edl"]  # past midnight it begins anew
    assert last.start == round((1999 * 5.3 + 1) * 1000)
    assert len(list(csv.reader(io.StringIO(got["csv"], newline="")))) == 2001


HARD = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(text=HARD, speaker=st.none() | HARD, title=HARD, start=st.floats(0, 15))
def test_whatever_is_said_by_whomever_every_export_can_be_read(
    text: str, speaker: str | None, title: str, start: float
) -> None:
    take = a_take(round(start, 3), text if text.split() else "x")
    ledger = Ledger(script_matches="yes", coverage=1, lines=(a_line(1, text, take, speaker=speaker),))

    exports = exports_of(ledger, None, NTSC, title=title)

    got = {kind: content.decode() for kind, (_, content) in exports.items()}
    pysubs2.SSAFile.from_string(got["ass"], "ass")
    assert len(ET.fromstring(got["ttml"]).findall(".//{*}p")) >= 1
    assert len(ET.fromstring(got["fcpxml"].split("\n", 2)[2]).findall(".//marker")) == 1
    assert len(ET.fromstring(got["fcp7"].split("\n", 2)[2]).findall(".//sequence/marker")) == 1
    assert len(list(csv.reader(io.StringIO(got["csv"], newline="")))) == 2
    assert len(video_clips(got["otio"], "otio_json")[0].markers) == 1
    assert len(video_clips(got["edl"], "cmx_3600", rate=30000 / 1001)) == 1
    try:
        parse_fountain(got["fountain"])
    except EmptyScript:
        assert not any(char.isalnum() for char in text)
