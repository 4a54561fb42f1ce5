"""The service's side of a child: start it, listen to it, and leave nothing of it behind."""

import asyncio
import contextlib
import os
import pickle
import signal
import struct
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from typing_extensions import override

from chassis._endings import end
from chassis.telemetry import get_logger

__all__ = ["Call", "ChildDied", "ChildFailed", "run_in_child"]

T = TypeVar("T")
Call = Callable[..., Awaitable[Any]]
"""How a task's heavy function is called: ``run_in_child``, or what a test puts in its place."""
_log = get_logger("chassis.child")
_LINE_LIMIT = 1 << 16


class ChildDied(RuntimeError):
    """The child ended without an answer: killed by ``signal``, or gone with ``exit_code``."""

    reason = "child_died"

    def __init__(self, signal_number: int | None, exit_code: int | None) -> None:
        super().__init__(signal_number, exit_code)
        self.signal = signal_number
        self.exit_code = exit_code

    @override
    def __str__(self) -> str:
        if self.signal is None:
            return f"the child process ended with exit code {self.exit_code} before it had a result"
        name = signal.Signals(self.signal).name
        hint = "; most often the machine ran out of memory" if self.signal == signal.SIGKILL else ""
        return f"the child process was killed by {name}{hint}"


class ChildFailed(RuntimeError):
    """The child raised an exception that cannot travel; its name and text are here."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name, text)
        self.name = name
        self.text = text

    @override
    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


async def run_in_child(
    function: Callable[..., T],
    *args: Any,
    on_progress: Callable[[float, str], Awaitable[None]] | None = None,
    env: Mapping[str, str] | None = None,
) -> T:
    """Call ``function(*args)`` in a process group of its own and return its result, or raise what it raised.

    ``function`` must be importable by name (so not from ``__main__``); it, its arguments and its result must be
    picklable. However this ends - result, exception, cancellation - the whole group is dead afterwards, and its
    temporary folder is removed. Raises ChildDied if the child was killed or left without an answer.
    """
    if function.__module__ == "__main__":
        raise ValueError(f"a child cannot import {function.__qualname__} from __main__; put it in a module of its own")
    call = pickle.dumps((function, args), protocol=pickle.HIGHEST_PROTOCOL)
    job = pickle.dumps((sys.path, call), protocol=pickle.HIGHEST_PROTOCOL)
    with tempfile.TemporaryDirectory(prefix="child-", ignore_cleanup_errors=True) as scratch:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "chassis.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "TMPDIR": scratch, **(env or {})},
            limit=_LINE_LIMIT,
        )
        errors = asyncio.create_task(_log_lines(process))
        try:
            kind, content = await _converse(process, job, on_progress)
        finally:
            await asyncio.shield(_bury(process, errors))
    if kind == "error":
        raise _revived(*content)
    result: T = pickle.loads(content)
    return result


async def _converse(
    process: asyncio.subprocess.Process, job: bytes, on_progress: Callable[[float, str], Awaitable[None]] | None
) -> tuple[str, Any]:
    """Hand over the job, pass progress on, and return the last frame."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(struct.pack(">Q", len(job)) + job)
        await process.stdin.drain()
        while True:
            size = struct.unpack(">Q", await process.stdout.readexactly(8))[0]
            kind, content = pickle.loads(await process.stdout.readexactly(size))
            if kind != "progress":
                return kind, content
            if on_progress is not None:
                await on_progress(*content)
    except (asyncio.IncompleteReadError, ConnectionError):
        code = await process.wait()
        raise ChildDied(-code if code < 0 else None, code if code >= 0 else None) from None


async def _bury(process: asyncio.subprocess.Process, errors: asyncio.Task[None]) -> None:
    """Kill what is left of the group: the child, its guardian, and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    # A helper that left the group may hold stderr open: give the last lines a moment, not for ever.
    await asyncio.wait([errors], timeout=1)
    await end(errors)


async def _log_lines(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # a line longer than the limit: what was buffered of it is dropped
            continue
        if not line:
            return
        text = line.decode(errors="replace").rstrip()
        if text:
            _log.info(text[:2000], child=process.pid)


def _revived(pickled: bytes | None, name: str, text: str, trace: str) -> Exception:
    error: Exception = ChildFailed(name, text) if pickled is None else pickle.loads(pickled)
    error.add_note(f"In the child process:\n{trace}")
    return error
