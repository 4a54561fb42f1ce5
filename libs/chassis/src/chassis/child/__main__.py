"""The child's first lines: read jobs from stdin, one after the other, do them, write frames back.

A guardian, forked before anything heavy is imported, waits for a pipe to close that the service holds open, which it
does by dying if not otherwise, and then kills the whole process group: us and any ffmpeg we started. It is a process
and not a thread because a library that holds the interpreter lock for a minute would hold up a thread for as long.
"""

import os
import pickle
import signal
import struct
import sys
import traceback

from chassis import child

_NICENESS = 5
"""Work yields to heartbeats: on a full machine the service must still be able to say it lives."""


def main() -> None:
    """Run the jobs that stdin describes, until there are no more."""
    jobs, frames, life = os.dup(0), os.dup(1), int(os.environ.pop(child.LIFE))
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    # Libraries print; what they print belongs in the log, not between our frames.
    os.dup2(2, 1)
    _fork_guardian(life, jobs, frames)
    os.nice(_NICENESS)
    child._connect(frames)
    while True:
        job = _read_exactly(jobs, struct.unpack(">Q", _read_exactly(jobs, 8))[0])
        child._begin()
        child._send(*_outcome(job))


def _outcome(job: bytes) -> tuple[str, object]:
    try:
        path, call = pickle.loads(job)
        sys.path[:] = path
        function, args = pickle.loads(call)
        result = function(*args)
        return "result", pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 (the boundary: the service decides what to make of it)
        return "error", (_picklable(error), type(error).__name__, str(error), traceback.format_exc())


def _picklable(error: Exception) -> bytes | None:
    """The exception as bytes that are known to load again, or None: many classes pickle and then fail to load."""
    try:
        data = pickle.dumps(error)
        pickle.loads(data)
    except Exception:  # noqa: BLE001 (whatever a foreign class raises, its text must do then)
        return None
    return data


def _fork_guardian(life: int, jobs: int, frames: int) -> None:
    if os.fork():
        os.close(life)
        return
    for descriptor in (jobs, frames, 1, 2):
        os.close(descriptor)
    while os.read(life, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _read_exactly(descriptor: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = os.read(descriptor, size - len(data))
        if not piece:
            os._exit(0)  # the service went away, or has no more for us
        data += piece
    return bytes(data)


if __name__ == "__main__":
    main()
