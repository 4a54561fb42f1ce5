"""How much memory does Matchcut take? At rest (six services, PostgreSQL, Redis), and at its peak during the demo.

    python tests/bench/memory.py [--json]

Counts the proportional set size (PSS: shared pages divided among those who share them) of every process that
``matchcut up`` and ``matchcut demo`` start, twice a second, and prints MiB.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

MATCHCUT = str(Path(sys.executable).with_name("matchcut"))
SETTLING_S = 10.0
MIB = 1024 * 1024


@contextmanager
def started(*command: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command in ``folder``, asked to stop at the end."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([MATCHCUT, *command], cwd=folder, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(60)


def parts(process: psutil.Process) -> dict[str, float]:
    """MiB by what runs: a service, a server, the engines' child processes, the command itself."""
    found: dict[str, float] = {}
    for each in [process, *process.children(recursive=True)]:
        try:
            words, pss = each.cmdline(), each.memory_full_info().pss / MIB
        except psutil.Error:
            continue
        found[kind_of(words)] = found.get(kind_of(words), 0.0) + pss
    return found


def kind_of(words: list[str]) -> str:
    """What a process is, by its command line."""
    line = " ".join(words)
    for server in ("postgres", "redis-server", "valkey-server"):
        if server in line:
            return server
    for word in words:
        if word.endswith(".main"):
            return word.removesuffix(".main")
    return "engines" if "chassis.child" in line or "ffmpeg" in line else "launcher"


def at_rest(folder: Path) -> dict[str, float]:
    """After everything is ready and has settled."""
    with started("up", "--data", str(folder / "data"), folder=folder) as up:
        end = time.monotonic() + 120
        while subprocess.run([MATCHCUT, "status", "--data", str(folder / "data")], capture_output=True).returncode:
            if time.monotonic() > end or up.poll() is not None:
                raise RuntimeError((folder / "log").read_text())
            time.sleep(1)
        time.sleep(SETTLING_S)
        return parts(psutil.Process(up.pid))


def at_peak(folder: Path) -> dict[str, float]:
    """The moment of the demo at which the sum was highest."""
    worst: dict[str, float] = {}
    with started("demo", "--out", str(folder / "out"), folder=folder) as demo:
        while demo.poll() is None:
            now = parts(psutil.Process(demo.pid))
            worst = max(worst, now, key=lambda each: sum(each.values()))
            time.sleep(0.5)
        if demo.returncode:
            raise RuntimeError((folder / "log").read_text())
    return worst


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    figures = {}
    for name, measure in (("at rest", at_rest), ("at the demo's peak", at_peak)):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o755)
            found = measure(Path(folder))
            figures[name] = {**{part: round(mib) for part, mib in found.items()}, "total": round(sum(found.values()))}
    if chosen.json:
        print(json.dumps(figures, indent=1))
        return
    table = Table("MiB (PSS)", *figures)
    for part in sorted(
        {part for found in figures.values() for part in found}, key=lambda part: (part == "total", part)
    ):
        table.add_row(part, *(str(found.get(part, "")) for found in figures.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
