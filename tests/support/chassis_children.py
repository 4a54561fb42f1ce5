"""Functions that tests of the chassis run in child processes."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from chassis import child
from support.chassis_play import Hopeless


class Unpicklable(Exception):
    """Pickles, but cannot be made again: its constructor wants more."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


def add(a: int, b: int) -> int:
    return a + b


def reverse(data: bytes) -> bytes:
    return data[::-1]


def count_to(number: int) -> None:
    for i in range(number + 1):
        child.progress(i / number, str(i))


def fail(text: str) -> None:
    raise Hopeless(text)


def fail_unpicklably() -> None:
    raise Unpicklable("cannot", "travel")


def kill_yourself(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(10)


def leave(code: int) -> None:
    os._exit(code)


def print_a_lot() -> str:
    print("chatter " * 10_000)
    os.system("echo more chatter")
    return sys.stdin.read() + "still fine"


def look_around(name: str) -> tuple[str, str]:
    return os.environ[name], tempfile.gettempdir()


def modules() -> set[str]:
    return {name.partition(".")[0] for name in sys.modules} - {"support"}


def _helper() -> int:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid


def leave_a_helper() -> int:
    return _helper()


def sleep_with_helper(marks: str, busy: bool = False) -> None:
    Path(marks).write_text(f"{os.getpid()} {_helper()}")
    if busy:
        sys.setswitchinterval(60)
        sum(range(10**12))
    time.sleep(60)


_calls = 0


def count_calls() -> tuple[int, int]:
    """This process, and how often it was asked."""
    global _calls
    _calls += 1
    return os.getpid(), _calls
