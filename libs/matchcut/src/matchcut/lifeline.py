"""Child processes that never outlive us, whatever ends us.

On Linux the kernel sends the chosen signal when the thread that started the child dies (``PR_SET_PDEATHSIG``). Where
that is not to be had, or the child is started from a thread that may end early, a small watchdog process reads a pipe
from us and signals the children when the pipe breaks.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

__all__ = ["bind_to_parent", "spawn", "stop"]

_PR_SET_PDEATHSIG = 1
"""From ``linux/prctl.h``."""

_WATCHDOG = """
import os, signal, sys
children = {}
for line in sys.stdin:
    pid, number = map(int, line.split())
    children[pid] = number
for pid, number in children.items():
    try:
        os.kill(pid, number)
    except OSError:
        pass
"""
_watchdog: subprocess.Popen[str] | None = None
_watchdog_lock = threading.Lock()


def bind_to_parent(when_parent_dies: signal.Signals) -> Callable[[], None]:
    """A ``preexec_fn`` that asks the kernel for a signal at the parent's death (Linux).

    It must run after any change of user, which clears the request; ``subprocess`` keeps that order.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(when_parent_dies), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and here
            os._exit(1)

    return bind


def spawn(
    command: Sequence[str | os.PathLike[str]],
    *,
    log: IO[Any] | int,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: int | None = None,
    group: int | None = None,
    when_we_die: signal.Signals = signal.SIGKILL,
    watchdog: bool = False,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in its own session, its output to ``log``; it gets ``when_we_die`` if this process ends first.

    ``user`` and ``group`` (ids) drop privileges and need root. ``watchdog`` forces the portable way.
    """
    kernel = sys.platform == "linux" and threading.current_thread() is threading.main_thread() and not watchdog
    process = subprocess.Popen(
        [os.fspath(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
        user=user,
        group=group,
        extra_groups=[] if user is not None else None,
        start_new_session=True,
        preexec_fn=bind_to_parent(when_we_die) if kernel else None,
    )
    if not kernel:
        _watch(process.pid, when_we_die)
    return process


def stop(process: subprocess.Popen[bytes], *, first: signal.Signals = signal.SIGTERM, patience_s: float = 10) -> int:
    """Ask with ``first``, wait ``patience_s``, then SIGKILL. Returns the exit code; a dead process is fine."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.send_signal(first)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _watch(pid: int, number: signal.Signals) -> None:
    global _watchdog
    with _watchdog_lock:
        if _watchdog is None or _watchdog.poll() is not None:
            _watchdog = subprocess.Popen(
                [sys.executable, "-S", "-c", _WATCHDOG],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        assert _watchdog.stdin is not None
        _watchdog.stdin.write(f"{pid} {int(number)}\n")
        _watchdog.stdin.flush()
