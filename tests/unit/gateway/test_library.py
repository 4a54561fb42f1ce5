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


def test_fountain_is_told_by_its_name_or_by_a_scene_heading() -> None:
    assert format_of("a.fountain", "Hello.") == "fountain"
    assert format_of("a.txt", "Title\n\nINT. KITCHEN - DAY\n") == "fountain"
    assert format_of("a.txt", "It was the best of times.\n") == "text"
