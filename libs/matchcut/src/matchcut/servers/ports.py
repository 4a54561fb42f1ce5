"""Free ports, and waiting for what listens on them."""

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from matchcut.servers.fault import ServerFault

__all__ = ["free_port", "is_free", "tail", "wait_until"]


def is_free(port: int) -> bool:
    """Whether somebody could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None) -> int:
    """``preferred`` when it is free, else one the system picks. Another process may still snatch it."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, *, limit_s: float) -> bool:
    """True once ``ready``; False when the process ended first; ServerFault after ``limit_s``."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if ready():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.02)
    raise ServerFault(f"not ready after {limit_s:.0f} s; its log ({log}) ends with:\n{tail(log)}")


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
