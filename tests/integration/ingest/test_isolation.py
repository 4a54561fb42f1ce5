"""What strangers send opens nothing else, and takes no more of the machine than it may."""

import os
import socket
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from chassis.child.runner import run_in_child
from contracts.ingest import RejectionReason
from ingest.adapters.intake import examine
from ingest.adapters.reel import open_reel
from ingest.adapters.taking_in import take_in
from ingest.domain.content import Content
from ingest.domain.refusal import Allowance, Refused
from support.ingest_clips import make_clip
from support.ingest_orders import TERMS, order_for, taken_in


class Tripwire:
    """A named pipe and a port: whoever opens the one or calls at the other is noticed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "canary.txt"
        os.mkfifo(self.path)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.read = False
        self._watch = threading.Thread(target=self._wait, daemon=True)
        self._watch.start()

    def _wait(self) -> None:
        with self.path.open("wb"):  # returns once somebody opens it for reading
            self.read = True

    def close(self) -> bool:
        """Whether anybody touched the pipe or the port."""
        self.server.setblocking(False)
        try:
            self.server.accept()[0].close()
            called = True
        except BlockingIOError:
            called = False
        self.server.close()
        time.sleep(0.05)
        touched = self.read or called
        os.close(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))  # lets the watcher go
        self._watch.join(5)
        return touched


@pytest.fixture
def tripwire(tmp_path: Path) -> Tripwire:
    return Tripwire(tmp_path)


def test_playlists_and_scripts_open_nothing_they_name(
    evaluation_data: Path, tmp_path: Path, tripwire: Tripwire
) -> None:
    inner = tmp_path / "uploads"
    inner.mkdir()
    reasons = []

    for name in ("playlist_named.mp4", "ffconcat_named.mp4"):
        text = (evaluation_data / "nasty" / name).read_bytes().replace(b":9/", f":{tripwire.port}/".encode())
        (inner / name).write_bytes(text)
        with pytest.raises(Refused) as refusal:
            examine(order_for(inner / name, tmp_path), lambda fraction, message: None)
        reasons.append(refusal.value.reason)

    assert reasons == [RejectionReason.FORBIDDEN_FORMAT] * 2
    assert not tripwire.close()


@pytest.mark.parametrize("demuxer", ["mov", "matroska", "mpegts", "avi"])
def test_a_playlist_that_were_mistaken_for_a_container_would_still_open_nothing(
    demuxer: str, tmp_path: Path, tripwire: Tripwire
) -> None:
    playlist = tmp_path / "film.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:5,\ncanary.txt\n#EXTINF:5,\nhttp://127.0.0.1:{tripwire.port}/x\n")

    with pytest.raises(Refused), open_reel(playlist, Content(demuxer, demuxer), TERMS.limits):
        pass

    assert not tripwire.close()


def test_the_tripwire_notices_a_reader(tmp_path: Path, tripwire: Tripwire) -> None:
    descriptor = os.open(tripwire.path, os.O_RDONLY | os.O_NONBLOCK)
    time.sleep(0.2)
    os.close(descriptor)

    assert tripwire.close()


def test_a_quicktime_file_whose_media_are_said_to_lie_elsewhere_reads_nothing_there(
    tmp_path: Path, tripwire: Tripwire
) -> None:
    clip = make_clip(tmp_path / "plain.mov", seconds=0.4, click_s=None)
    # The 'url ' entry of the data reference loses its "in this very file" flag and gains a location.
    data = clip.read_bytes()
    entry = data.index(b"url \x00\x00\x00\x01")
    pointed = data[:entry] + b"url \x00\x00\x00\x00" + data[entry + 8 :]
    (tmp_path / "pointed.mov").write_bytes(pointed)

    media, _ = taken_in(tmp_path / "pointed.mov", tmp_path)

    assert media.frames == 10  # read from the file itself, whatever it says
    assert not tripwire.close()


def test_names_are_never_options_patterns_or_addresses(tmp_path: Path) -> None:
    names = ["-i leading dash.mp4", "concat:a|b.mp4", "%03d.mp4", 'it\'s a "clip" & $HOME `x` 🎬.mp4', "http:x.mp4"]
    clips = [make_clip(tmp_path / "plain.mp4", seconds=0.4).rename(tmp_path / "plain")]

    for name in names:
        (tmp_path / name).write_bytes(clips[0].read_bytes())
        media, _ = taken_in(tmp_path / name, tmp_path)
        assert media.frames == 10, name


async def test_a_file_that_needs_more_memory_than_allowed_is_turned_away(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "large.mp4", seconds=0.4, size=(4096, 4096), click_s=None)
    terms = replace(TERMS, allowance=Allowance(memory_mib=160, cpu_s=60))

    with pytest.raises(Refused) as refusal:
        await run_in_child(take_in, order_for(clip, tmp_path, terms=terms))

    assert refusal.value.reason is RejectionReason.UNSUPPORTED
    assert "160 MiB" in refusal.value.detail


async def test_a_file_that_takes_more_computing_than_allowed_is_turned_away(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "long.mkv", seconds=60, size=(640, 360), click_s=None)
    terms = replace(TERMS, allowance=Allowance(memory_mib=3072, cpu_s=1))

    with pytest.raises(Refused) as refusal:
        await run_in_child(take_in, order_for(clip, tmp_path, terms=terms))

    assert refusal.value.reason is RejectionReason.UNSUPPORTED
    assert "computing" in refusal.value.detail or "longer than allowed" in refusal.value.detail


def test_a_film_over_the_length_allowed_is_turned_away_before_it_is_decoded(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "slow.mkv", pts=[0, 1, 2, 8000], rate=Fraction(1), click_s=None)
    terms = replace(TERMS, limits=replace(TERMS.limits, max_duration_s=7200))

    with pytest.raises(Refused) as refusal:
        examine(order_for(clip, tmp_path, terms=terms), lambda fraction, message: None)

    assert refusal.value.reason is RejectionReason.TOO_LONG
    assert "2.2 hours" in refusal.value.detail


def test_bytes_that_are_not_those_that_were_sent_are_turned_away(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.4)
    order = replace(order_for(clip, tmp_path), sha256="0" * 64)

    with pytest.raises(Refused) as refusal:
        examine(order, lambda fraction, message: None)

    assert refusal.value.reason is RejectionReason.CHECKSUM_MISMATCH


async def test_a_huge_canvas_costs_next_to_nothing(evaluation_data: Path, tmp_path: Path) -> None:
    order = order_for(evaluation_data / "nasty" / "huge_canvas.mkv", tmp_path)

    # 256 megapixels would be 256 MB and more; with this allowance the child could not hold them.
    with pytest.raises(Refused) as refusal:
        await run_in_child(take_in, replace(order, terms=replace(TERMS, allowance=Allowance(200, 5))))

    assert refusal.value.reason is RejectionReason.TOO_MANY_PIXELS


def test_ffmpeg_of_pyav_knows_every_demuxer_we_name() -> None:
    named = {"mov", "matroska", "mpegts", "flv", "asf", "mpeg", "ogg", "gif", "mxf", "avi"}

    known = {part for name in av.formats_available for part in name.split(",")}

    assert named <= known
    assert sys.platform == "linux"  # the limits of the child are Linux's
