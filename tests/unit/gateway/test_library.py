"""Names and formats of what is handed in."""

import pytest

from gateway.domain.library import format_of, title_of


@pytest.mark.parametrize(
    ("filename", "title"),
    [
        ("clip.mp4", "clip"),
        ("Szene 12.final.mov", "Szene 12.final"),
        ("C:\\films\\take3.mp4", "take3"),
        ("/tmp/x/take3.mp4", "take3"),
        (".mp4", ".mp4"),
        ("noending", "noending"),
        ("///", "///"),
    ],
)
def test_a_title_is_what_the_file_is_called(filename: str, title: str) -> None:
    assert title_of(filename) == title


@pytest.mark.parametrize(
    ("name", "content", "format_"),
    [
        ("a.fountain", b"Hello.", "fountain"), ("a.txt", b"Title\n\nINT. KITCHEN - DAY\n", "fountain"),
        ("a.txt", "\ufeffINT. KITCHEN - DAY\n".encode("utf-16-le"), "fountain"), ("a", b"Hello.", "text"),
        ("a.txt", b"PK\x03\x04...", "docx"), ("a.TXT", b'<?xml version="1.0"?>\n<FinalDraft>', "fdx"),
        ("a.txt", b"WEBVTT\n", "vtt"), ("A.SRT", b"1\n", "srt"), ("a.md", b"# INT. X", "markdown"),
        ("a.tsv", b"", "csv"),
    ],
)  # fmt: skip
def test_the_format_of_a_script_is_told_by_its_beginning_or_its_name(name: str, content: bytes, format_: str) -> None:
    assert format_of(name, content) == format_
