"""Code that runs in a process of its own, so that it can be killed and can never stall the service.

This module is what such code may import; it imports next to nothing itself, because every child pays for it.
``chassis.child.runner`` is the service's side.
"""

import os
import pickle
import struct
import threading
import time

__all__ = ["progress"]

LIFE = "CHASSIS_CHILD_LIFE"
"""Names, in a child's environment, the descriptor that closes when the service dies."""
_MIN_INTERVAL_S = 0.2
_lock = threading.Lock()
_frames: int | None = None
"""File descriptor back to the service; None outside a child, where progress goes nowhere."""
_last = 0.0


def progress(fraction: float, message: str = "") -> None:
    """Tell the service how far this function is: 0 to 1, and a few words for people.

    May be called as often as one likes, from any thread: all but five a second are dropped, the last one (1.0) never.
    """
    global _last
    if _frames is None:
        return
    now = time.monotonic()
    if fraction < 1 and now - _last < _MIN_INTERVAL_S:
        return
    _last = now
    _send("progress", (min(1.0, max(0.0, float(fraction))), str(message)[:200]))


def _begin() -> None:
    """Another job begins: its first word is not to be dropped."""
    global _last
    _last = 0.0


def _connect(descriptor: int) -> None:
    global _frames
    _frames = descriptor


def _send(kind: str, content: object) -> None:
    """Write one frame: length as 8 bytes, then a pickled pair."""
    frame = pickle.dumps((kind, content), protocol=pickle.HIGHEST_PROTOCOL)
    _write(struct.pack(">Q", len(frame)) + frame)


def _write(data: bytes) -> None:
    assert _frames is not None
    with _lock:
        view = memoryview(data)
        while view:
            view = view[os.write(_frames, view) :]
