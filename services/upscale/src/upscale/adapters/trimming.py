"""Samples at the end of a packet that are decoded but not heard. MP4 says so by durations; Matroska by this alone."""

import struct
from typing import Any

from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal

__all__ = ["cut_short", "unheard_at_end"]

_NOTE = struct.Struct("<IIBB")
"""FFmpeg's AV_PKT_DATA_SKIP_SAMPLES: samples to leave out at the start and at the end, and why, which nobody reads."""


def cut_short(packet: "Packet[Any]", samples: int) -> None:
    """Say that the last samples of a packet are not to be heard."""
    at_start, _ = _noted(packet)
    kind: Any = PacketSideData  # its constructor is missing from the stubs
    note = kind(packet_sidedata_type_from_literal("skip_samples"), _NOTE.size)
    note.update(_NOTE.pack(at_start, samples, 0, 0))
    packet.set_sidedata(note)


def unheard_at_end(packet: "Packet[Any]") -> int:
    """How many of its last samples a packet says are not to be heard."""
    return _noted(packet)[1]


def _noted(packet: "Packet[Any]") -> tuple[int, int]:
    for piece in packet.iter_sidedata():
        if piece.data_type == "skip_samples" and piece.data_size >= _NOTE.size:
            at_start, at_end, _, _ = _NOTE.unpack(bytes(piece)[: _NOTE.size])
            return at_start, at_end
    return 0, 0
