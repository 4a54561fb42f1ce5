"""Whatever comes as a script: lines in order or an error that says what to do, in time that grows with its length."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align.adapters.exports import exports_of
from align.domain.exports.film import Source
from align.domain.final_draft import parse_final_draft
from align.domain.fountain import parse_fountain
from align.domain.reading import read_script
from align.domain.script import EmptyScript, Format, Script, UnreadableScript
from contracts.documents import Ledger, LedgerLine
from support.script_files import a_word_document, final_draft, word_paragraph

FORMATS: list[Format] = ["text", "markdown", "fountain", "fdx", "docx", "srt", "vtt", "csv"]
PIECES = st.sampled_from([
    "INT. HOUSE - DAY", "ANNA", "ANNA:", "Anna: hi", "@ben ^", "(beat)", "Hello there, you.", "", "", "/* x", "*/",
    "[[n]]", "[[", "]]", "> A <", "CUT TO:", "~la la", "= synopsis", "# Act #", "!BANG", ".SLUG #1#", "Title: x", "  ",
    "*bold* _under_ **", "日本語 です。", "---", "===", "```", "<!-- c", "-->", "| text | who |", "|---|---|", "- item",
    "1", "00:00:01,000 --> 00:00:02,000", "00:01.000 --> 00:02.000", "WEBVTT", "<v Bob>said</v>", ">> more", "- dash",
    "text,speaker", 'a,"b', '"', "sep=;", "\\*", "![a](b)", "[a](b)", "\t", "\u2028", "\ufeff",
])  # fmt: skip
COLUMNS = st.dictionaries(
    st.sampled_from(["text", "speaker", "kind", "action", "heading", "what"]),
    st.sampled_from(["1", "2", "9", "text", "speaker", ""]),
    max_size=3,
)
KINDS = ["Scene Heading", "Action", "Character", "Parenthetical", "Dialogue", "Transition", "General", "Lyrics", ""]
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40)


def must_be_lines(read: Callable[[], Script]) -> None:
    try:
        script = read()
    except (UnreadableScript, EmptyScript) as error:
        refused = str(error)
    else:
        must_be_in_order(script)
        return
    assert any(word in refused for word in ("Save", "Send", "Say", "told", "Correct"))


def must_be_in_order(script: Script) -> None:
    places = [line.source_line for line in script.lines]
    assert places == sorted(places)
    assert all(place >= 1 for place in places)
    assert [line.number for line in script.spoken] == list(range(1, len(script.spoken) + 1))
    assert len({line.line_id for line in script.lines}) == len(script.lines)
    assert all(line.text.strip() and "\n" not in line.text for line in script.lines)


@given(raw=st.binary(max_size=300), form=st.none() | st.sampled_from(FORMATS), columns=COLUMNS)
def test_any_bytes_as_any_format_are_a_script_or_a_typed_error(
    raw: bytes, form: Format | None, columns: dict[str, str]
) -> None:
    must_be_lines(lambda: read_script(raw, form, name=f"a.{form}", columns=columns))


@given(rows=st.lists(PIECES, max_size=25), form=st.sampled_from(FORMATS), columns=COLUMNS)
def test_any_heap_of_elements_as_any_format_is_a_script_or_a_typed_error(
    rows: list[str], form: Format, columns: dict[str, str]
) -> None:
    raw = "\n".join(rows).encode()

    must_be_lines(lambda: read_script(raw, form, name=f"a.{form}" if form != "fdx" else "a", columns=columns))


@given(paragraphs=st.lists(st.tuples(st.sampled_from(KINDS), TEXT), max_size=12))
def test_any_paragraphs_of_final_draft_are_a_script_or_a_typed_error(paragraphs: list[tuple[str, str]]) -> None:
    must_be_lines(lambda: parse_final_draft(final_draft(paragraphs)))


@given(
    paragraphs=st.lists(
        st.tuples(TEXT | PIECES, st.sampled_from([None, "P7", "P8", "Action", "Heading1"])), max_size=12
    ),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=3),
)
def test_any_word_document_damaged_or_not_is_a_script_or_a_typed_error(
    paragraphs: list[tuple[str, str | None]], flips: list[tuple[float, int]]
) -> None:
    raw = bytearray(a_word_document("".join(word_paragraph(text, style) for text, style in paragraphs)))
    for at, byte in flips:
        raw[int(at * len(raw))] = byte

    must_be_lines(lambda: read_script(bytes(raw), name="a.docx"))


@given(
    said=st.lists(
        st.tuples(st.sampled_from(["ANNA", "McCoy", "Dr. No"]), TEXT.filter(lambda text: any(map(str.isalnum, text)))),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_what_is_written_as_fountain_is_read_back_as_it_was(said: list[tuple[str, str]]) -> None:
    lines = tuple(
        LedgerLine(line_id=f"L{n:02d}", number=n, text=text, kind="dialogue", speaker=speaker)
        for n, (speaker, text) in enumerate(said, 1)
    )
    ledger = Ledger(script_matches="yes", coverage=0, lines=lines)

    script = parse_fountain(exports_of(ledger, None, Source(), title="A")["fountain"][1].decode())

    read = [(line.speaker, line.text.replace("\u2060", "")) for line in script.spoken]
    assert read == [(speaker, " ".join(text.replace("\u2060", "").split())) for speaker, text in said]


LENGTH = 400_000 if settings().max_examples > 1000 else 100_000
"""Characters, about: the longer when `make fuzz-scripts` takes its time."""
HOSTILE = {
    "notes that never end": "[[" * (LENGTH // 2),
    "notes that end late": "[[\n\n" * (LENGTH // 10) + "]]",
    "boneyards": "/*" * (LENGTH // 2),
    "notes and boneyards": "[[/*]]" * (LENGTH // 6),
    "emphasis that never ends": "*a _b " * (LENGTH // 6),
    "brackets": "(" * LENGTH,
    "brackets over rows": "(a\n[b\n" * (LENGTH // 25),
    "asides": "(a) " * (LENGTH // 10),
    "names": "A" * LENGTH + ": hello",
    "blanks": "INT. " + " " * LENGTH + "x #",
    "numbers of scenes": "INT. A " + "#" * LENGTH,
    "colons": "A: " * (LENGTH // 3),
    "links": "[a](" * (LENGTH // 4),
    "comments": "<!--" * (LENGTH // 4),
    "tags": "<v " * (LENGTH // 3),
    "dividers": "|-" * (LENGTH // 2),
    "rules": "* " * (LENGTH // 2),
    "times": "00:00:01,000 --> " * (LENGTH // 16),
    "quotes": '"' * LENGTH,
    "delimiters": "," * LENGTH,
    "rows": "a\n" * (LENGTH // 10),
    "cues": "A\nb\n\n" * (LENGTH // 25),
    "one wrapped paragraph": "some words that go on and on and on for a whole row\n" * (LENGTH // 50),
}

SUSPECTS: dict[str, tuple[Format, ...]] = {
    **dict.fromkeys(("tags", "times", "cues"), ("srt", "vtt")),
    **dict.fromkeys(("quotes", "delimiters"), ("csv",)),
    **dict.fromkeys(("links", "comments", "dividers", "rules"), ("markdown",)),
}
"""Which formats have a rule that it aims at; without a word here, those of text."""


@pytest.mark.parametrize("what", HOSTILE)
def test_a_script_made_to_be_slow_is_read_in_time_that_grows_with_its_length(what: str) -> None:
    raw = HOSTILE[what].encode()

    for form in SUSPECTS.get(what, ("text", "markdown", "fountain")):
        # One that is read in quadratic time takes more than the minutes a test may take.
        must_be_lines(partial(read_script, raw, form, name=f"a.{form}"))


def test_xml_as_deep_as_it_may_be_is_read_without_running_out_of_stack() -> None:
    deep = final_draft(
        [("Character", "ANNA"), ("Dialogue", "Hello.")], more="<Paragraph>" * 5000 + "</Paragraph>" * 5000
    )
    nested = a_word_document("<w:p>" * 5000 + "<w:r><w:t>Hello.</w:t></w:r>" + "</w:p>" * 5000)

    must_be_lines(lambda: read_script(deep))
    must_be_lines(lambda: read_script(nested))
