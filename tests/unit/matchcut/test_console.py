"""Tables fit the terminal they are printed on, and are whole where nobody looks."""

import rich.console

from matchcut.console import Console

HEADING = ("id", "tenant", "note")
ROWS = [("01a2054c", "0123456789abcdef-the-end", "a long remark about nothing in particular")]
CUT = {"tenant": "tail", "note": "head"}


def printed(width: int, *, terminal: bool) -> list[str]:
    console = Console()
    console.out = rich.console.Console(width=width, force_terminal=terminal, no_color=True, highlight=False)
    with console.out.capture() as captured:
        console.show_rows(HEADING, ROWS, cut=CUT)
    return captured.get().splitlines()


def test_a_pipe_gets_every_character() -> None:
    heading, row = printed(20, terminal=False)

    assert heading.split() == list(HEADING)
    assert row == "  ".join(ROWS[0])


def test_a_terminal_gets_lines_that_fit_with_what_tells_things_apart() -> None:
    _, row = printed(50, terminal=True)

    assert len(row) <= 50
    assert row.startswith("01a2054c  …")
    assert "the-end" in row
    assert row.endswith("…")


def test_on_a_narrow_terminal_ids_stay_whole() -> None:
    _, row = printed(10, terminal=True)

    assert row.startswith("01a2054c")
