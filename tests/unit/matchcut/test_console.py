"""Tables fit the terminal they are printed on, and are whole where nobody looks."""

from uuid import UUID

import rich.console
from rich.text import Text

from matchcut.console import Console
from matchcut.tables import Record, Rows, clock, size

HEADING = ("id", "tenant", "note")
ROWS = [("01a2054c", "0123456789abcdef-the-end", "a long remark about nothing in particular")]
CUT = {"tenant": "tail", "note": "head"}
ID = str(UUID(int=7))


def printed(shown: Rows | Record, width: int, *, terminal: bool = True) -> list[str]:
    console = Console()
    console.out = rich.console.Console(width=width, force_terminal=terminal, no_color=True, highlight=False)
    with console.out.capture() as captured:
        console.show(None, shown)
    lines = [Text.from_ansi(line).plain for line in captured.get().splitlines()]
    assert not terminal or all(len(line) <= width or " " not in line.strip() for line in lines if width > 30), lines
    return lines


def test_a_pipe_gets_every_character() -> None:
    heading, row = printed(Rows(HEADING, ROWS, cut=CUT), 20, terminal=False)

    assert heading.split() == list(HEADING)
    assert row == "  ".join(ROWS[0])


def test_a_terminal_gets_lines_that_fit_with_what_tells_things_apart() -> None:
    _, row = printed(Rows(HEADING, ROWS, cut=CUT), 50)

    assert len(row) <= 50
    assert row.startswith("01a2054c  …")
    assert "the-end" in row
    assert row.endswith("…")


def test_where_no_line_fits_each_thing_gets_lines_of_its_own_and_ids_stay_whole() -> None:
    rows = [(ID, ID, "one"), (ID, ID, "")]
    lines = printed(Rows(("erasure", "of", "state"), rows), 60)

    assert lines == [f"erasure  {ID}", f"of       {ID}", "state    one", "", f"erasure  {ID}", f"of       {ID}"]


def test_what_may_wrap_goes_on_below_itself() -> None:
    rows = [("L01", "nothing in particular, said at some length"), ("L02", "short")]
    lines = printed(Rows(("line", "text"), rows, cut={"text": "wrap"}), 32)

    assert lines == [
        "line  text",
        "L01   nothing in particular,",
        "      said at some length",
        "L02   short",
    ]


def test_a_column_with_nothing_in_it_takes_no_room_and_numbers_stand_on_the_right() -> None:
    lines = printed(Rows(("name", "why", "size"), [("a", "", "9 B"), ("b", "", "10 kB")], right=("size",)), 40)

    assert lines == ["name   size", "a       9 B", "b     10 kB"]


def test_what_a_name_holds_neither_moves_the_cursor_nor_breaks_the_line() -> None:
    name = "film\x1b[2J\x1b]0;title\x07\nid  0\u202egpj"

    [_, row] = printed(Rows(("id", "name"), [("1", name)]), 80, terminal=False)

    assert row == "1   film [2J ]0;title id  0 gpj"


def test_wide_letters_take_the_room_they_take() -> None:
    lines = printed(Rows(("name", "state"), [("映画の題名", "ready"), ("film", "ready")], cut={"name": "head"}), 40)

    assert [line.rpartition("ready")[0] for line in lines[1:]] == ["映画の題名  ", "film        "]


def test_a_record_leaves_out_what_is_not_known() -> None:
    lines = printed(Record([("video", ID), ("why", None), ("name", "[bold]film[/]")]), 80)

    assert lines == [f"video  {ID}", "name   [bold]film[/]"]


def test_times_and_sizes_are_written_for_people() -> None:
    assert [clock(one) for one in (None, 0, 59.96, 62.5, 3662.5)] == ["", "0:00.0", "1:00.0", "1:02.5", "1:01:02.5"]
    assert [size(one) for one in (None, 940, 1500, 20_000_000_000)] == ["", "940 B", "1.5 kB", "20.0 GB"]
