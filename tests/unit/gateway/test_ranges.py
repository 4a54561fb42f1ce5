"""The Range header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ranges import ByteRange, UnsatisfiableRange, byte_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=0-", ByteRange(0, 100)),
        ("bytes=10-19", ByteRange(10, 20)),
        ("bytes=90-500", ByteRange(90, 100)),
        ("bytes=-10", ByteRange(90, 100)),
        ("bytes=-500", ByteRange(0, 100)),
        ("Bytes = 1 - 2", ByteRange(1, 3)),
        ("bytes=20-10", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("lines=1-2", None),
        ("bytes=a-b", None),
        ("bytes=١-٢", None),
        ("", None),
        (None, None),
    ],
)
def test_one_range_is_served_and_what_we_do_not_serve_is_ignored(
    header: str | None, expected: ByteRange | None
) -> None:
    assert byte_range(header, 100) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-1", 0)])
def test_a_range_behind_the_end_cannot_be_satisfied(header: str, size: int) -> None:
    with pytest.raises(UnsatisfiableRange):
        byte_range(header, size)


@given(st.text(max_size=30) | st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True), st.integers(0, 2**40))
def test_whatever_comes_the_range_lies_within_the_bytes(header: str, size: int) -> None:
    try:
        part = byte_range(header, size)
    except UnsatisfiableRange:
        return

    assert part is None or 0 <= part.start < part.end <= size
