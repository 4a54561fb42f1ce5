"""A disk that is full while a film is taken in is an outage, wherever it fills up; it is never the film's fault."""

import errno
from pathlib import Path

import pytest

from chassis._failures import is_outage, lacks_room
from support.ingest_clips import make_clip
from support.ingest_orders import taken_in
from support.small_disk import fill, small_disk


@pytest.mark.parametrize("click_s", [None, 1.0], ids=["silent", "with sound"])
@pytest.mark.parametrize("left", [0, 150_000, 1_000_000], ids="{:,} bytes left".format)
def test_no_room_is_told_as_what_it_is(tmp_path: Path, left: int, click_s: float | None) -> None:
    clip = make_clip(tmp_path / "clip.mkv", seconds=8, size=(1600, 900), key_every=500, click_s=click_s)

    with small_disk(tmp_path / "disk", megabytes=4) as disk:
        ballast = fill(disk)
        with ballast.open("r+b") as file:
            file.truncate(ballast.stat().st_size - left)
        with pytest.raises(OSError, match=r"(?i)no space left|no room is left") as caught:
            taken_in(clip, disk)

    assert caught.value.errno == errno.ENOSPC
    assert is_outage(caught.value)
    assert lacks_room(caught.value)
