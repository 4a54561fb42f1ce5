"""Programs that hold private servers, to be killed by a test."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

__all__ = ["gone", "holding_servers", "wait_for"]

_HOLDER = """
import encodings.idna, os, sys, threading, time
from pathlib import Path
import psutil, fcntl, json, shutil, tempfile, locale, secrets  # all that is needed, before rights are given up
import matchcut.servers, matchcut.servers.pair
folder, user, thread = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if user:
    os.setgroups([]); os.setgid(user); os.setuid(user)
def hold():
    with matchcut.servers.private_servers(folder) as servers:
        print(json.dumps({"pids": servers.pids, "postgres": servers.postgres_url, "redis": servers.redis_url,
                          "home": str(servers.postgres.home)}), flush=True)
        time.sleep(3600)
if thread == "thread":
    threading.Thread(target=hold).start()
else:
    hold()
"""


@contextmanager
def holding_servers(
    folder: Path, *, user: int = 0, thread: bool = False
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that holds servers on ``folder``, and the line of JSON it printed about them."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder), str(user), "thread" if thread else "main"],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        process.stdout.close()


def wait_for(true: Callable[[], bool], *, limit_s: float = 15) -> bool:
    """Whether it became true in time."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return true()


def gone(pids: list[int]) -> bool:
    """Whether none of these processes runs any more."""
    alive = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                alive.append(pid)
    return not alive
