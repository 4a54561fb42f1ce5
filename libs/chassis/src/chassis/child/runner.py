"""The service's side of a child: start it, listen to it, and leave nothing of it behind."""

import asyncio
import contextlib
import os
import pickle
import shutil
import signal
import struct
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

from typing_extensions import override

from chassis._endings import end
from chassis.child import LIFE
from chassis.telemetry import get_logger

__all__ = ["Call", "ChildDied", "ChildFailed", "KeptChild", "KeptChildren", "run_in_child"]

T = TypeVar("T")
Call = Callable[..., Awaitable[Any]]
"""How a task's heavy function is called: ``run_in_child``, or what a test puts in its place."""
OnProgress = Callable[[float, str], Awaitable[None]]
_log = get_logger("chassis.child")
_LINE_LIMIT = 1 << 16
_IDLE_S = 300.0


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
    on_progress: OnProgress | None = None,
    env: Mapping[str, str] | None = None,
) -> T:
    """Call ``function(*args)`` in a process group of its own and return its result, or raise what it raised.

    ``function`` must be importable by name (so not from ``__main__``); it, its arguments and its result must be
    picklable. However this ends - result, exception, cancellation - the whole group is dead afterwards, and its
    temporary folder is removed. Raises ChildDied if the child was killed or left without an answer.
    """
    job = _job(function, args)
    child = await _Child.start(env)
    try:
        return cast(T, await child.call(job, on_progress))
    finally:
        await asyncio.shield(child.bury())


class KeptChild:
    """Calls functions as ``run_in_child`` does, one at a time, in a child that stays: what it loaded is there still.

    The child is started by the first call. It is kept only after a call that ended well: one that failed, died or was
    cancelled leaves no child behind, and the next call begins with a new one. ``env`` counts when a child is started.
    After ``idle_s`` without a call it ends, and gives back the memory that it holds, of a GPU too.
    """

    def __init__(self, *, idle_s: float = _IDLE_S) -> None:
        self._idle_s = idle_s
        self._child: _Child | None = None
        self._turn = asyncio.Lock()
        self._alarm: asyncio.TimerHandle | None = None
        self._burial: asyncio.Task[None] | None = None

    async def __call__(
        self,
        function: Callable[..., T],
        *args: Any,
        on_progress: OnProgress | None = None,
        env: Mapping[str, str] | None = None,
    ) -> T:
        """See ``run_in_child``."""
        job = _job(function, args)
        async with self._turn:
            child = await self._living(env)
            try:
                result: T = await child.call(job, on_progress)
            except BaseException:
                await asyncio.shield(child.bury())
                raise
            self._child = child
            self._alarm = asyncio.get_running_loop().call_later(self._idle_s, self._expire)
        return result

    async def close(self) -> None:
        """Leave nothing behind."""
        self._expire()
        if self._burial is not None:
            await asyncio.shield(self._burial)

    def _expire(self) -> None:
        """Nobody has called for a while, or will again."""
        if self._alarm is not None:
            self._alarm.cancel()
        child, self._child = self._child, None
        if child is not None:
            self._burial = asyncio.get_running_loop().create_task(child.bury())

    async def _living(self, env: Mapping[str, str] | None) -> "_Child":
        if self._alarm is not None:
            self._alarm.cancel()
        if self._burial is not None:  # two at once might not fit into memory
            await asyncio.shield(self._burial)
        child, self._child = self._child, None
        if child is None:
            return await _Child.start(env)
        if child.is_alive:
            return child
        await asyncio.shield(child.bury())
        return await _Child.start(env)


class KeptChildren:
    """Calls some functions in children that stay, one for each call at work, and all others as ``run_in_child``."""

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self._functions = functions
        self._idle: list[KeptChild] = []

    async def __call__(
        self,
        function: Callable[..., T],
        *args: Any,
        on_progress: OnProgress | None = None,
        env: Mapping[str, str] | None = None,
    ) -> T:
        """See ``run_in_child``."""
        if function not in self._functions:
            return await run_in_child(function, *args, on_progress=on_progress, env=env)
        child = self._idle.pop() if self._idle else KeptChild()
        try:
            return await child(function, *args, on_progress=on_progress, env=env)
        finally:
            self._idle.append(child)

    async def close(self) -> None:
        """Leave nothing behind."""
        while self._idle:
            await self._idle.pop().close()


class _Child:
    """A process that waits for jobs, and the ends of what it is spoken to by."""

    def __init__(self, process: asyncio.subprocess.Process, life: int, scratch: str) -> None:
        self._process = process
        self._life = life
        self._scratch = scratch
        self._errors = asyncio.create_task(_log_lines(process))

    @classmethod
    async def start(cls, env: Mapping[str, str] | None) -> "_Child":
        """A new one. It dies when this process does, for then the pipe closes that only we hold open."""
        scratch = tempfile.mkdtemp(prefix="child-")
        watched, life = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "chassis.child",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                pass_fds=(watched,),
                env={**os.environ, "TMPDIR": scratch, **(env or {}), LIFE: str(watched)},
                limit=_LINE_LIMIT,
            )
        except BaseException:
            os.close(life)
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        finally:
            os.close(watched)
        return cls(process, life, scratch)

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended, as far as is known."""
        return self._process.returncode is None

    async def call(self, job: bytes, on_progress: OnProgress | None) -> Any:
        """Have it do a job; returns the result or raises what was raised, or ChildDied."""
        kind, content = await _converse(self._process, job, on_progress)
        if kind == "error":
            raise _revived(*content)
        return pickle.loads(content)

    async def bury(self) -> None:
        """Kill what is left of the group: the child, its guardian, and whatever it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        # A helper that left the group may hold stderr open: give the last lines a moment, not for ever.
        await asyncio.wait([self._errors], timeout=1)
        await end(self._errors)
        os.close(self._life)
        shutil.rmtree(self._scratch, ignore_errors=True)


def _job(function: Callable[..., Any], args: tuple[Any, ...]) -> bytes:
    if function.__module__ == "__main__":
        raise ValueError(f"a child cannot import {function.__qualname__} from __main__; put it in a module of its own")
    call = pickle.dumps((function, args), protocol=pickle.HIGHEST_PROTOCOL)
    return pickle.dumps((sys.path, call), protocol=pickle.HIGHEST_PROTOCOL)


async def _converse(process: asyncio.subprocess.Process, job: bytes, on_progress: OnProgress | None) -> tuple[str, Any]:
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
