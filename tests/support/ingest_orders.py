"""Orders for taking in a file, with the limits the service has by default."""

import hashlib
import tempfile
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contracts.documents import Media
from ingest.adapters.intake import examine
from ingest.domain.refusal import Allowance, Limits
from ingest.ports import Order, Terms

__all__ = ["TERMS", "order_for", "samples_of", "taken_in"]

TERMS = Terms(
    limits=Limits(max_bytes=2**36, max_pixels=36_000_000, max_duration_s=6 * 3600),
    allowance=Allowance(memory_mib=3072, cpu_s=600),
    proxy_longest=1280,
)


def order_for(source: Path, folder: Path, *, terms: Terms = TERMS) -> Order:
    """An order for ``source`` whose products go into a new folder under ``folder``."""
    target = Path(tempfile.mkdtemp(dir=folder))
    return Order(source=source, sha256=hashlib.sha256(source.read_bytes()).hexdigest(), folder=target, terms=terms)


def taken_in(source: Path, folder: Path, *, terms: Terms = TERMS) -> tuple[Media, Path]:
    """What ``examine`` makes of a file, in this process and without its bounds; and where it put it."""
    order = order_for(source, folder, terms=terms)
    media = examine(order, lambda fraction, message: None)
    return media, order.folder


def samples_of(audio: Path) -> NDArray[np.int16]:
    """The samples of a WAV that is 16 kHz, mono and 16 bits, as asserted here."""
    with wave.open(str(audio), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
