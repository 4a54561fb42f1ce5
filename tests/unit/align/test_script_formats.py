"""Scripts of every format, written by hand after its documentation, become the same lines."""

import pytest

from align.domain.columns import UnknownColumns
from align.domain.fountain import parse_fountain
from align.domain.markdown import parse_markdown
from align.domain.reading import read_script
from align.domain.script import EmptyScript, Script, UnreadableScript
from align.domain.subtitles import parse_subtitles
from support.script_files import a_word_document, final_draft, word_paragraph, zipped


def spoken(script: Script) -> list[tuple[str | None, str]]:
    return [(line.speaker, line.text) for line in script.spoken]


def others(script: Script) -> list[tuple[str, str]]:
    return [(line.kind, line.text) for line in script.lines if line.kind != "dialogue"]


FOUNTAIN = """Title:
    _**The Pier**_
Author: Nobody
Draft date: 1/1/2026

# Act One

= They meet.

FADE IN:

INT./EXT. LIGHTHOUSE - NIGHT #1-A#

Rain. [[a note
over two rows]] A lamp /* swings, and
this too */ swings.

MARTA (V.O.)
I said *nothing*, **nothing** and ***nothing***.
(beat)
_Nothing_ at all \\*ever\\*.
\x20\x20
And then some.

ANNA (CONT'D) ^
You never do.

@McCOY (on the radio)
~Willy Wonka, Willy Wonka
~The amazing chocolatier

.SNIPER SCOPE POV

...where the ellipsis is action.

!SCANNING THE AISLES.

> THE END <

> Burn to white.

CUT TO:

===

THE SIGN READS

Not a cue: nothing is right under it.
"""


def test_fountain_is_read_with_all_of_its_syntax() -> None:
    script = parse_fountain(FOUNTAIN)

    assert spoken(script) == [
        ("MARTA", "I said nothing, nothing and nothing."),
        ("MARTA", "Nothing at all *ever*. And then some."),
        ("ANNA", "You never do."),
        ("McCOY", "Willy Wonka, Willy Wonka The amazing chocolatier"),
    ]
    assert others(script) == [
        ("heading", "Act One"),
        ("action", "FADE IN:"),
        ("heading", "INT./EXT. LIGHTHOUSE - NIGHT"),
        ("action", "Rain."),
        ("action", "A lamp"),
        ("action", "swings."),
        ("parenthetical", "(beat)"),
        ("heading", "SNIPER SCOPE POV"),
        ("action", "...where the ellipsis is action."),
        ("action", "SCANNING THE AISLES."),
        ("action", "THE END"),
        ("heading", "Burn to white."),
        ("heading", "CUT TO:"),
        ("action", "THE SIGN READS"),
        ("action", "Not a cue: nothing is right under it."),
    ]


def test_a_first_line_that_only_looks_like_a_title_page_is_read() -> None:
    script = parse_fountain("FADE IN:\n\nINT. HALL - DAY\n\nANNA\nHello.\n")

    assert others(script)[0] == ("action", "FADE IN:")


def test_brackets_that_are_no_note_stay() -> None:
    script = parse_fountain("ANNA\nI [[meant that.\n\nBEN\nAnd 5 * 3 is snake_case_word.\n")

    assert spoken(script) == [("ANNA", "I [[meant that."), ("BEN", "And 5 * 3 is snake_case_word.")]


MARKDOWN = """---
title: The Pier
---

# The Pier

<!-- not
this -->

## Scene *one*

**ANNA:** Come _in_, please. See [the map](https://example.org/map "A map").

**BEN** (softly): I am `here`.

> **ANNA:** Sit down.

- BEN: On the floor?

```
code is not said
```

Act Two
=======

*(A door slams.)*

***

![A picture](door.png)

BEN: Who's \\*there\\*?
"""


def test_markdown_is_read_without_its_marks() -> None:
    script = parse_markdown(MARKDOWN)

    assert spoken(script) == [
        ("ANNA", "Come in, please. See the map."),
        ("BEN", "I am here."),
        ("ANNA", "Sit down."),
        ("BEN", "On the floor?"),
        ("BEN", "Who's *there*?"),
    ]
    assert others(script) == [
        ("heading", "The Pier"),
        ("heading", "Scene one"),
        ("action", "code is not said"),
        ("heading", "Act Two"),
        ("parenthetical", "(A door slams.)"),
    ]
    assert [line.source_line for line in script.spoken] == [12, 14, 16, 18, 33]


def test_a_table_in_markdown_is_read_by_its_head() -> None:
    rows = "| ANNA | A door. | **Hello.** |\n| | | BEN: What<br>now?<br/>ANNA: This. |\n| | | (softly) Good bye. |\n"
    text = f"# Dub\n\n| Who | Video | Audio |\n|---|:-:|---|\n{rows}"

    script = read_script(text.encode(), name="dub.md")

    assert spoken(script) == [("ANNA", "Hello."), ("BEN", "What now?"), ("ANNA", "This."), (None, "Good bye.")]
    assert others(script) == [("action", "A door."), ("parenthetical", "(softly)")]


FDX = final_draft(
    [
        ("Scene Heading", "INT. HOUSE - DAY"), ("Action", "Rain & wind."), ("Character", "ANNA (V.O.)"),
        ("Parenthetical", "(softly)"), ("Dialogue", "Come in."), ("Dialogue", "Please."), ("Character", "BEN (CONT'D)"),
        ("Dialogue", "(beat) Why?"), ("Transition", "CUT TO:"), ("Own Element", "A title card."),
    ],
    more="""<Paragraph><DualDialogue>
      <Paragraph Type="Character"><Text>ANNA</Text></Paragraph>
      <Paragraph Type="Dialogue"><ScriptNote><Paragraph><Text>Cut this?</Text></Paragraph></ScriptNote>
        <Text>Me </Text><Text Style="Italic">first</Text><Text>.</Text></Paragraph>
      <Paragraph Type="Character"><Text>BEN</Text></Paragraph>
      <Paragraph Type="Dialogue"><Text>No, me.</Text></Paragraph>
    </DualDialogue></Paragraph>""",
)  # fmt: skip


def test_final_draft_is_read_by_what_its_paragraphs_say_they_are() -> None:
    script = read_script(FDX, name="pier.fdx")

    assert spoken(script) == [
        ("ANNA", "Come in."), ("ANNA", "Please."), ("BEN", "Why?"), ("ANNA", "Me first."), ("BEN", "No, me."),
    ]  # fmt: skip
    assert others(script) == [
        ("heading", "INT. HOUSE - DAY"), ("action", "Rain & wind."), ("parenthetical", "(softly)"),
        ("parenthetical", "(beat)"), ("heading", "CUT TO:"), ("action", "A title card."),
    ]  # fmt: skip
    assert [line.source_line for line in script.spoken] == [5, 6, 8, 12, 14]


def test_final_draft_is_known_by_its_content_and_read_in_utf_16() -> None:
    text = FDX.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"')

    assert spoken(read_script(text.encode("utf-16"), name="pier.txt")) == spoken(read_script(FDX))


def test_a_word_document_is_read_by_the_names_of_its_styles() -> None:
    body = (
        word_paragraph("INT. HOUSE - DAY", "SceneHeading") + word_paragraph("ANNA (O.S.)", "P7")
        + word_paragraph("(softly)", "Parenthetical") + word_paragraph("Come in.\nPlease.", "P8")
        + word_paragraph("The door opens.", "Action") + word_paragraph("", "Action")
        + "<w:p><w:r><w:t>Gone.</w:t></w:r><w:del><w:r><w:delText>Not</w:delText><w:t>Not</w:t></w:r></w:del></w:p>"
    )  # fmt: skip

    script = read_script(a_word_document(body))

    assert spoken(script) == [("ANNA", "Come in. Please.")]
    assert others(script) == [
        ("heading", "INT. HOUSE - DAY"), ("parenthetical", "(softly)"), ("action", "The door opens."),
        ("action", "Gone."),
    ]  # fmt: skip


def test_a_word_document_without_styles_is_read_as_text() -> None:
    close = a_word_document("".join(map(word_paragraph, ("ACT ONE", "ANNA", "Come in.", "BEN", "I am in."))))
    prefixed = a_word_document(word_paragraph("ANNA: Come in.\nBEN: No.") + word_paragraph("[door slams]"))
    screenplay = a_word_document(
        "".join(map(word_paragraph, ("INT. HALL - DAY", "", "A door.", "", "ANNA", "Hello.", "", "BEN", "Who?")))
    )

    assert spoken(read_script(close)) == [("ANNA", "Come in."), ("BEN", "I am in.")]
    assert others(read_script(close)) == [("heading", "ACT ONE")]
    assert spoken(read_script(prefixed)) == [("ANNA", "Come in."), ("BEN", "No.")]
    assert spoken(read_script(screenplay)) == [("ANNA", "Hello."), ("BEN", "Who?")]
    dense = (
        "INT. HALL - DAY",
        "A door opens.",
        "ANNA",
        "Hello.",
        "(beat)",
        "Bye.",
        "BEN",
        "Who?",
        "EXT. ROAD",
        "Cars.",
    )
    unspaced = read_script(a_word_document("".join(map(word_paragraph, dense))))
    assert spoken(unspaced) == [("ANNA", "Hello."), ("ANNA", "Bye."), ("BEN", "Who?")]
    assert ("action", "A door opens.") in others(unspaced)
    assert ("action", "Cars.") in others(unspaced)


def test_a_table_in_a_word_document_is_read_by_its_head() -> None:
    def row(*cells: str) -> str:
        return "<w:tr>" + "".join(f"<w:tc>{word_paragraph(cell)}</w:tc>" for cell in cells) + "</w:tr>"

    table = (
        f"<w:tbl>{row('Time', 'Video', 'Audio')}{row('0:01', 'A door.', 'ANNA: Hello.')}{row('', '', 'Bye.')}"
        f"{row('0:02', '', 'MUSIC: swells{0}ANNA: Hello{0}again.{0}BEN: Hi.'.format(chr(10)))}</w:tbl>"
    )

    script = read_script(a_word_document(word_paragraph("About this") + table))

    assert spoken(script) == [("ANNA", "Hello."), (None, "Bye."), ("ANNA", "Hello again."), ("BEN", "Hi.")]
    assert others(script) == [("action", "A door."), ("action", "MUSIC: swells")]


SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Where have you been</i>

2
00:00:02,600 --> 00:00:04,000 X1:10 X2:20
all night long?

3
00:00:04,100 --> 00:00:06,000
- At the pier.
- {\\an8}Alone?

4
00:00:07,000 --> 00:00:08,000
ANNA: With the dog
and the boat.

5
00:00:08,000 --> 00:00:09,000
[door slams]

6
00:00:20,000 --> 00:00:21,000
nobody

7
00:00:31,000 --> 00:00:32,000
knows &amp; cares
"""


def test_subrip_is_joined_into_sentences_by_speaker_and_pause() -> None:
    script = read_script(SRT.encode(), name="film.srt")

    assert spoken(script) == [
        (None, "Where have you been all night long?"), (None, "At the pier."), (None, "Alone?"),
        ("ANNA", "With the dog and the boat."), (None, "nobody"), (None, "knows & cares"),
    ]  # fmt: skip
    assert others(script) == [("action", "[door slams]")]
    assert [line.source_line for line in script.spoken] == [3, 11, 12, 16, 25, 29]


WEBVTT = """WEBVTT - a film

NOTE this is
not said

STYLE
::cue { color: red }

1-L01
00:01.000 --> 00:02.000 align:start
<v Anna Lee>Where <00:00:01.500><b>were</b>

00:02.000 --> 00:03.000
<v Anna Lee>you?

00:03.000 --> 00:04.000
<v.loud Ben>Here, &lt;there&gt;
>> and everywhere
"""


def test_webvtt_is_read_with_its_voices() -> None:
    script = parse_subtitles(WEBVTT)

    assert spoken(script) == [("Anna Lee", "Where were you?"), ("Ben", "Here, <there>"), (None, "and everywhere")]


def test_a_table_is_read_by_the_mapping_and_whatever_parts_its_cells() -> None:
    rows = 'Nr;Figur;Satz;Art\n1;ANNA;"Komm; ""bitte""";Dialogue\n2;;Die Tür.;Action\n3;BEN (O.S.);"Nein\nja.";\n'

    by_name = read_script(
        rows.encode("cp1252"), name="dub.csv", columns={"text": "satz", "speaker": "2", "kind": "Art"}
    )
    tabbed = read_script(
        rows.replace(";", "\t").encode("utf-16"), columns={"text": "3", "speaker": "Figur", "kind": "4"}
    )

    assert spoken(by_name) == [("ANNA", 'Komm; "bitte"'), ("BEN", "Nein ja.")]
    assert others(by_name) == [("action", "Die Tür.")]
    assert [line.source_line for line in by_name.lines] == [2, 3, 4]
    assert [line.speaker for line in tabbed.spoken] == ["ANNA", "BEN"]


def test_a_table_without_a_mapping_is_read_by_what_people_call_their_columns() -> None:
    guessed = read_script(b"\xef\xbb\xbfCharacter,Dialogue\r\nANNA,Hello.\r\n,\r\nBEN,[sighs]\r\n", name="a.CSV")
    told = read_script(b"sep=|\nScene|Character|Dialogue\nINT. HALL|ANNA|Hello.\n", name="a.csv")
    headless = read_script(b"ANNA,Hello.\nBEN,Bye.\n", name="a.csv", columns={"text": "2", "speaker": "1"})

    assert spoken(guessed) == [("ANNA", "Hello.")]
    assert (spoken(told), others(told)) == ([("ANNA", "Hello.")], [("heading", "INT. HALL")])
    assert spoken(headless) == [("ANNA", "Hello."), ("BEN", "Bye.")]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({}, "'A', 'B'.*Say which"), ({"text": "C"}, "no column 'C'"), ({"text": "3"}, "no column '3'"),
        ({"speaker": "A"}, "text must be among them"), ({"text": "A", "colour": "B"}, "text must be among them"),
    ],
)  # fmt: skip
def test_a_table_whose_columns_nobody_knows_is_refused_with_their_names(columns: dict[str, str], says: str) -> None:
    with pytest.raises(UnknownColumns, match=says) as refused:
        read_script(b"A,B\n1,2\n", name="a.csv", columns=columns)

    assert refused.value.reason == "unknown_columns"


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'


@pytest.mark.parametrize(
    "raw",
    [
        final_draft([("Dialogue", "&c;")], declaration=BOMB),
        a_word_document("<w:p><w:r><w:t>&c;</w:t></w:r></w:p>", declaration=BOMB),
        final_draft([("Dialogue", "Hello.")])[:-30],
        b'<?xml version="1.0"?><svg/>',
        b"<!DOCTYPE html><html><body>Hello.</body></html>",
        zipped({"word/document.xml": b" " * 20_000_000}),
        zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<a/>"}),
        zipped({"word/document.xml": "<document/>"}),
        a_word_document(word_paragraph("Hello."))[:-60],
        b"{\\rtf1 Hello.}",
        b"\xd0\xcf\x11\xe0 doc",
    ],
    ids=["fdx-bomb", "docx-bomb", "fdx-cut", "svg", "html", "zip-bomb", "odt", "docx-empty", "docx-cut", "rtf", "doc"],
)
def test_what_cannot_be_read_or_would_unfold_is_refused_with_advice(raw: bytes) -> None:
    with pytest.raises(UnreadableScript, match="Save it as"):
        read_script(raw)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (final_draft([("Action", "Rain.")]), "a.fdx"), (a_word_document(word_paragraph("INT. HALL - DAY")), "a.docx"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\n[music]\n", "a.vtt"), (b"text\n", "a.csv"), (b"# Title\n\n---\n", "a.md"),
    ],
)  # fmt: skip
def test_a_script_in_which_nobody_speaks_is_refused_whatever_its_format(raw: bytes, name: str) -> None:
    with pytest.raises(EmptyScript, match="Send one"):
        read_script(raw, name=name)


def test_a_locked_word_document_is_refused() -> None:
    raw = bytearray(a_word_document(word_paragraph("Hello.")))
    for at in range(len(raw) - 4):
        if raw[at : at + 4] in (bytearray(b"PK\x03\x04"), bytearray(b"PK\x01\x02")):
            raw[at + (6 if raw[at + 2] == 3 else 8)] |= 1  # says that it is encrypted

    with pytest.raises(UnreadableScript, match="damaged or locked"):
        read_script(bytes(raw))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.fountain"])
def test_every_text_is_read_in_the_encodings_people_save_it_in(encoding: str, name: str) -> None:
    text = "INT. CAFÉ – DAY\n\nANNA\nDéjà vu – “again”.\n\nBEN\nNon.\n"

    assert spoken(read_script(text.encode(encoding), name=name)) == [("ANNA", "Déjà vu – “again”."), ("BEN", "Non.")]


def test_files_are_read_for_what_they_are_and_not_for_what_they_are_called() -> None:
    assert spoken(read_script(SRT.encode(), "text", name="script.txt"))[0] == (
        None,
        "Where have you been all night long?",
    )
    assert spoken(read_script(b"Just a line.\nAnd one more.", "srt", name="a.srt")) == [
        (None, "Just a line."), (None, "And one more."),
    ]  # fmt: skip
    assert spoken(read_script(FDX, "docx", name="a.docx")) == spoken(read_script(FDX))
