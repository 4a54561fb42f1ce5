"""Scripts as people may type them, through the door: what is accepted comes back as it was, and can be read."""

import json
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from align.domain.reading import read_script
from align.domain.script import EmptyScript, UnreadableScript
from support.gateway_rig import Gateway, json_of

ELEMENTS = st.sampled_from(
    [
        *(
            "INT. KITCHEN - DAY",
            "EXT. ROOF",
            ".FORCED HEADING",
            "# Act",
            "= synopsis",
            "Title: The Pier",
            "    Author: X",
        ),
        *("ANNA", "ANNA (O.S.)", "BEN ^", "@McCOY", "(softly)", "Hello.", "~la la la", "> FADE OUT.", "> centred <"),
        *(
            "[[a note",
            "a note]]",
            "/* cut",
            "cut */",
            "===",
            "!ACTION",
            "*bold* _and_ \\*",
            "",
            " ",
            "\t",
            "ß ﬁ 𝔘 \u202e",
        ),
    ]
)
ROWS = st.one_of(ELEMENTS, st.text(max_size=60))
TEXTS = st.builds(
    str.join, st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\x0b", "\u2028"]), st.lists(ROWS, max_size=25)
)
NAMES = {
    "a.txt": {"text", "fountain"}, "a": {"text", "fountain"}, "a.fountain": {"fountain"}, "A.SPMD": {"fountain"},
    "a.md": {"markdown"}, "a.SRT": {"srt"}, "a.vtt": {"vtt"}, "a.csv": {"csv"}, "a.fdx": {"text", "fountain"},
}  # fmt: skip
"""And what a text may be taken for by its name, where nobody says."""
FORMATS = [None, "text", "fountain", "markdown", "srt", "vtt", "csv", "fdx", "docx"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, name=st.sampled_from(sorted(NAMES)), format_=st.sampled_from(FORMATS))
async def test_a_script_is_kept_as_it_was_typed_and_can_be_read_or_is_refused_with_a_reason(
    gateway: Gateway, text: str, name: str, format_: str | None
) -> None:
    client = await gateway.owner(str(uuid4()))
    wanted = {"filename": name, "text": text, "format": format_}

    answer = await client.post("/v1/scripts", json=wanted)

    if not text or len(text.encode()) > 10_000:
        assert json_of(answer, 413 if text else 422)["type"] in ("/problems/too-large", "/problems/invalid-request")
        return
    script = json_of(answer, 201)
    assert script["format"] in ({format_} if format_ else NAMES[name])
    content = (await client.get(f"/v1/scripts/{script['id']}/content")).content
    assert content == text.encode()
    must_be_readable(content, script["format"], name)


def must_be_readable(content: bytes, guess: Any, name: str) -> None:
    """As align reads it: lines in order, or one of the two reasons it gives."""
    try:
        lines = read_script(content, guess, name=name).lines
    except (EmptyScript, UnreadableScript):
        return
    assert lines
    assert [line.source_line for line in lines] == sorted(line.source_line for line in lines)
    numbers = [line.number for line in lines if line.kind == "dialogue"]
    assert numbers == list(range(1, len(numbers) + 1))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(half=st.sampled_from(["\\ud800", "\\udfff", "\\ud83d"]), before=st.text(max_size=5))
async def test_half_a_character_is_refused_and_never_an_error_of_ours(gateway: Gateway, half: str, before: str) -> None:
    client = await gateway.owner(str(uuid4()))
    body = f'{{"filename": "a.fountain", "text": {json.dumps(before)[:-1]}{half} INT. ROOM"}}'

    answer = await client.post("/v1/scripts", content=body.encode(), headers={"Content-Type": "application/json"})

    assert json_of(answer, 422)["type"] == "/problems/invalid-request"
