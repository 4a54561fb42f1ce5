"""What people type about scripts and exports, and how a script travels."""

from base64 import b64decode

import pytest

from matchcut.client.script_body import script_body
from matchcut.exits import UsageFault
from matchcut.exports import EXPORTS, columns_of, exports_wanted
from matchcut.outputs import KNOWN

ALWAYS = {"script.srt", "script.vtt", "timeline.otio"}


def test_three_exports_are_always_written_and_others_when_asked_for() -> None:
    assert exports_wanted(()) == ALWAYS
    assert exports_wanted(["edl, FCPXML", "csv"]) == ALWAYS | {"timeline.edl", "timeline.fcpxml", "ledger.csv"}
    assert exports_wanted(["all"]) == set(EXPORTS.values())
    assert set(EXPORTS.values()) < set(KNOWN), "so that a later run takes them away"


def test_an_export_that_is_unknown_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageFault, match=r"no export 'aaf'.*fcpxml"):
        exports_wanted(["aaf"])


def test_columns_are_told_by_what_they_hold() -> None:
    assert columns_of(None) is None
    assert columns_of("text=The line, speaker=2") == {"text": "The line", "speaker": "2"}


@pytest.mark.parametrize("told", ["", "speaker=2", "text", "text=", "text=1,colour=2"])
def test_columns_that_do_not_say_where_the_text_is_are_refused(told: str) -> None:
    with pytest.raises(UsageFault, match="text=Line"):
        columns_of(told)


@pytest.mark.parametrize("raw", [b"PK\x03\x04\x00", "Déjà vu".encode("cp1252"), "Hello.".encode("utf-16")])
def test_a_script_that_is_no_text_in_utf_8_travels_as_the_bytes_it_is(raw: bytes) -> None:
    assert b64decode(script_body(raw)["content"]) == raw


def test_a_script_that_is_text_travels_as_text() -> None:
    assert script_body("\ufeffDéjà vu".encode()) == {"text": "\ufeffDéjà vu"}
