"""Decoding, enhancing and encoding of a chunk go on at the same time, with few frames in memory (rule 15)."""

import threading
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray
from typing_extensions import override

from support.upscale_films import Repeating, flat, made_chunks, planned, written
from upscale.adapters.ahead import QUEUED
from upscale.adapters.encoding import ChunkEncoder
from upscale.adapters.reading import picture_of

FRAMES = 30
PATIENCE_S = 20


class Log:
    """How many frames came how far, and a way to wait for one."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self.decoded = self.encoded = self.most_ahead = 0

    def note(self, *, decoded: int = 0, encoded: int = 0) -> None:
        with self._news:
            self.decoded += decoded
            self.encoded += encoded
            self.most_ahead = max(self.most_ahead, self.decoded - self.encoded)
            self._news.notify_all()

    def wait(self, *, decoded: int, encoded: int) -> bool:
        with self._news:
            return self._news.wait_for(lambda: self.decoded >= decoded and self.encoded >= encoded, PATIENCE_S)


class Watching(Repeating):
    """Holds every frame until the one after it is decoded and the one before the last is encoded."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log
        self.held: list[bool] = []

    @override
    def enhance(self, pictures: NDArray[Any], /) -> NDArray[Any]:
        number = len(self.held)
        self.held.append(self._log.wait(decoded=min(number + 2, FRAMES), encoded=max(number - 1, 0)))
        return super().enhance(pictures)


def test_decoding_and_encoding_go_on_while_a_frame_is_enhanced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [flat([(16 + 5 * number, 128, 128)]) for number in range(FRAMES)]
    source = written(tmp_path / "in.mp4", frames)
    plan = planned(source)
    log = Log()
    encode = ChunkEncoder.add

    def decoding(*arguments: Any) -> Any:
        picture = picture_of(*arguments)
        log.note(decoded=1)
        return picture

    def encoding(*arguments: Any) -> None:
        encode(*arguments)
        log.note(encoded=1)

    monkeypatch.setattr("upscale.adapters.making.picture_of", decoding)
    monkeypatch.setattr(ChunkEncoder, "add", encoding)
    engine = Watching(log)

    ((path, _),) = made_chunks(source, plan, tmp_path, engine)

    assert path.stat().st_size > 0
    assert engine.held == [True] * FRAMES
    assert log.most_ahead <= 2 * (QUEUED + 2) + 1
