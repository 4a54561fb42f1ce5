"""Scripts of every kind become lines, or an error that says what to do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align.domain.fountain import parse_fountain
from align.domain.plain_text import parse_plain_text
from align.domain.reading import read_script
from align.domain.script import EmptyScript, Script, UnreadableScript, decode_script


def spoken(script: Script) -> list[tuple[str | None, str]]:
    return [(line.speaker, line.text) for line in script.spoken]


def test_every_line_of_plain_text_is_a_spoken_line_with_its_number_and_place() -> None:
    script = read_script(b"First things first.\n\nThen the rest, and more;\nEspecially this.\n")

    assert [(line.line_id, line.number, line.source_line) for line in script.lines] == [
        ("L01", 1, 1), ("L02", 2, 3), ("L03", 3, 4),
    ]  # fmt: skip


def test_names_before_a_colon_are_speakers_and_directions_are_not_spoken() -> None:
    script = parse_plain_text("ANNA: (softly) Come in.\nBEN (O.S.): No.\n[door slams]\n(beat)\nANNA: Why?\n")

    assert spoken(script) == [("ANNA", "Come in."), ("BEN", "No."), ("ANNA", "Why?")]
    assert [line.kind for line in script.lines if line.kind != "dialogue"] == [
        "parenthetical", "action", "parenthetical",
    ]  # fmt: skip


def test_a_word_with_a_colon_used_once_is_no_speaker() -> None:
    script = parse_plain_text("Remember: never touch the glass.\nIt is hot.\nIt always was.\n")

    assert spoken(script)[0] == (None, "Remember: never touch the glass.")


def test_names_alone_on_a_row_speak_the_rows_under_them() -> None:
    script = parse_plain_text("SCENE ONE\n\nMARTA\nWhere have you been?\n\nMarta leaves the room and shuts the door.\n")

    assert script.lines[0].kind == "heading"
    assert spoken(script)[0] == ("MARTA", "Where have you been?")


def test_a_script_all_in_capitals_is_spoken() -> None:
    script = parse_plain_text("HELLO THERE.\nWHO ARE YOU?\nNOBODY.\n")

    assert len(script.spoken) == 3


def test_text_wrapped_at_a_margin_is_joined_into_its_paragraphs() -> None:
    text = (
        "It was a bright cold day in the spring and the\nclocks were striking ten when he came around the\n"
        "corner of the street with the dog on its lead.\n\nNobody saw him but the woman behind the curtain\n"
        "and she had every reason to keep it to herself.\n"
    )

    script = parse_plain_text(text)

    assert [line.source_line for line in script.spoken] == [1, 5]
    assert script.spoken[0].text.endswith("with the dog on its lead.")


SCREENPLAY = """Title: The Pier
Author: Nobody

FADE IN:

INT. LIGHTHOUSE - NIGHT #1#

Rain. /* cut
this later */ A lamp swings.

@McALLISTER (V.O.)
I said *nothing*.
(to himself)
Nothing at all,
not a word. [[check this]]

ANNA ^
You never do.

.FLASHBACK

!SHE RUNS.

> THE END <

CUT TO:
"""


def test_fountain_keeps_headings_actions_and_directions_apart_from_speech() -> None:
    script = parse_fountain(SCREENPLAY)

    assert spoken(script) == [
        ("McALLISTER", "I said nothing."),
        ("McALLISTER", "Nothing at all, not a word."),
        ("ANNA", "You never do."),
    ]
    kinds = [(line.kind, line.text) for line in script.lines if line.kind != "dialogue"]
    assert ("heading", "INT. LIGHTHOUSE - NIGHT") in kinds
    assert ("heading", "FLASHBACK") in kinds
    assert ("action", "SHE RUNS.") in kinds
    assert ("parenthetical", "(to himself)") in kinds
    assert not any("cut" in text or "check" in text for _, text in kinds)


def test_a_screenplay_is_known_by_its_content_whatever_it_is_called() -> None:
    assert spoken(read_script(SCREENPLAY.encode(), "text")) == spoken(parse_fountain(SCREENPLAY))
    assert len(read_script(b"Just one line.\nAnd another.", "fountain").spoken) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_scripts_are_read_in_the_encodings_people_save_them_in(encoding: str) -> None:
    assert decode_script("Déjà vu – “again”.\r\n".encode(encoding)) == "Déjà vu – “again”.\n"


@pytest.mark.parametrize("raw", [b"%PDF-1.4 abc", b"PK\x03\x04abc", b"\x00\x01\x02\x03" * 40, b"\xff\xfe\x00"])
def test_what_is_no_text_is_refused_with_advice(raw: bytes) -> None:
    with pytest.raises(UnreadableScript, match="Save it as"):
        read_script(raw)


@pytest.mark.parametrize("raw", [b"", b" \n\t\n", b"INT. HOUSE - DAY\n", b"[music]\n(silence)\n", b"# Title\n---\n"])
def test_a_script_in_which_nobody_speaks_is_refused_with_advice(raw: bytes) -> None:
    with pytest.raises(EmptyScript, match="Send one"):
        read_script(raw)


@given(raw=st.binary(max_size=300))
@settings(max_examples=120, deadline=None)
def test_any_bytes_are_a_script_or_a_typed_error(raw: bytes) -> None:
    try:
        script = read_script(raw)
    except (UnreadableScript, EmptyScript):
        return
    assert script.spoken


PIECES = st.sampled_from([
    "INT. HOUSE - DAY", "ANNA", "ANNA:", "@ben", "(beat)", "Hello there, you.", "", "", "/* x", "*/", "[[n]]", "> A <",
    "CUT TO:", "~la la", "= synopsis", "# Act", "!BANG", ".SLUG", "Title: x", "  ", "*bold* _under_", "日本語 です。",
])  # fmt: skip


@given(rows=st.lists(PIECES, max_size=25))
@settings(max_examples=120, deadline=None)
def test_any_heap_of_elements_gives_lines_in_order_that_stand_in_the_text(rows: list[str]) -> None:
    text = "\n".join(rows)

    for parse in (parse_fountain, parse_plain_text):
        try:
            script = parse(text)
        except EmptyScript:
            continue
        places = [line.source_line for line in script.lines]
        assert places == sorted(places)
        assert all(1 <= place <= len(rows) for place in places)
        assert [line.number for line in script.spoken] == list(range(1, len(script.spoken) + 1))
        assert len({line.line_id for line in script.lines}) == len(script.lines)
