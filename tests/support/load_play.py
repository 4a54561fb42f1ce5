"""How the gateway bears a day's load, and how much it costs beside a bare application. ``make load`` runs it.

    cd tests && python -m support.load_play [--seconds 180] [--rate 200] [--rounds 5] [--json FILE]

* **Mix**: locust asks at a steady rate, as fifty programs with tokens of people and API keys; most of it looks, some of
  it asks for work. The gateway's memory is read after a warm-up and at the end.
* **Beside a bare application**: both answer the same query on the same PostgreSQL, as fast as they can, in turns of a
  few seconds. The ratio is that of the rates within a round; the figure is the median over the rounds.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from matchcut.servers import private_servers
from support.load_house import TESTS, House, a_house, cpu_s
from support.load_pump import pump

__all__ = ["Mix", "Ratio", "mix", "play", "ratios"]

USERS = 50
WARM_UP_S = 10
CONNECTIONS = 16


@dataclass(frozen=True)
class Mix:
    """What came of the mix: milliseconds by kind of request, and by what they have in common."""

    seconds: float
    rate: float
    failed: int
    failures: list[str]
    rows: dict[str, tuple[int, float, float]]
    """Count, p50 and p99 by name; ``reads`` and ``writes`` are all of them together."""
    memory_mb: tuple[float, float]
    """After the warm-up, and at the end."""


@dataclass(frozen=True)
class Ratio:
    """The gateway beside the bare application, a number a round."""

    what: str
    gateway: list[float]
    bare: list[float]
    """Answers a second."""
    gateway_cpu_ms: list[float]
    bare_cpu_ms: list[float]
    """What an answer costs of a core, in the process that answers."""

    @property
    def ratio(self) -> float:
        """Of the rates: the median over the rounds."""
        return statistics.median(ours / theirs for ours, theirs in zip(self.gateway, self.bare, strict=True))

    @property
    def cpu_ratio(self) -> float:
        """Of what an answer costs: it says the same on a machine that is busy with something else."""
        costs = zip(self.gateway_cpu_ms, self.bare_cpu_ms, strict=True)
        return statistics.median(theirs / ours for ours, theirs in costs)


def mix(house: House, folder: Path, *, seconds: float, rate: float, users: int = USERS, warm_up_s: float = 0) -> Mix:
    """Let locust ask, for a warm-up that is forgotten and then in earnest."""
    plan = folder / "plan.json"
    plan.write_text(json.dumps({"tenants": house.tenants, "rate_per_user": rate / users}))
    if warm_up_s:
        _locust(house, plan, folder / "warm.json", seconds=warm_up_s, users=users)
    before = house.memory_mb()
    report = _locust(house, plan, folder / "report.json", seconds=seconds, users=users)
    named: dict[str, list[float]] = report["times_ms"]
    together = {
        kind: [value for name, times in named.items() if name.startswith(f"{kind[:-1]}:") for value in times]
        for kind in ("reads", "writes")
    }
    rows = {name: _row(times) for name, times in (together | dict(sorted(named.items()))).items() if times}
    total = sum(map(len, named.values()))
    return Mix(seconds, total / seconds, report["failed"], report["failures"], rows, (before, house.memory_mb()))


def _locust(house: House, plan: Path, report: Path, *, seconds: float, users: int) -> dict[str, Any]:
    command = [
        *(sys.executable, "-m", "locust", "-f", str(TESTS / "load" / "locustfile.py"), "--headless", "--only-summary"),
        *(
            "--users",
            str(users),
            "--spawn-rate",
            str(users),
            "--run-time",
            f"{seconds:g}s",
            "--host",
            house.gateway_url,
        ),
        *("--loglevel", "WARNING", "--exit-code-on-error", "0", "--stop-timeout", "10"),
    ]
    environ = {**os.environ, "LOAD_PLAN": str(plan), "LOAD_REPORT": str(report)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode or not report.exists():
        raise RuntimeError(f"locust ended with {done.returncode}: {done.stderr[-2000:]}")
    return dict(json.loads(report.read_text()))


def _row(times: list[float]) -> tuple[int, float, float]:
    if len(times) == 1:
        return 1, times[0], times[0]
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return len(times), round(cuts[49], 2), round(cuts[98], 2)


def ratios(house: House, *, rounds: int, seconds: float, connections: int = CONNECTIONS) -> list[Ratio]:
    """Both applications in turn, for each query."""
    tenant = house.tenants[0]
    asked = {
        "a video": [f"/v1/videos/{video}" for video in tenant["videos"][:200]],
        "a page of 50 videos": ["/v1/videos?limit=50"],
    }
    found = []
    for what, paths in asked.items():
        side = Ratio(what, [], [], [], [])
        for number in range(rounds + 1):
            token = tenant["tokens"][0]
            ours, our_ms = _turn(house.gateway_url, house.gateway_pid, paths, token, connections, seconds)
            theirs, their_ms = _turn(house.bare_url, house.bare_pid, paths, None, connections, seconds)
            if number:  # the first round warms both
                side.gateway.append(ours)
                side.bare.append(theirs)
                side.gateway_cpu_ms.append(our_ms)
                side.bare_cpu_ms.append(their_ms)
        found.append(side)
    return found


def _turn(
    url: str, pid: int, paths: list[str], token: str | None, connections: int, seconds: float
) -> tuple[float, float]:
    """Answers a second, and milliseconds of a core for each."""
    before = cpu_s(pid)
    done = asyncio.run(pump(url, paths, token=token, connections=connections, seconds=seconds))
    if done.failures:
        raise RuntimeError(f"{done.failures} of {done.answers} answers of {url} were no 200")
    return done.rate, 1000 * (cpu_s(pid) - before) / max(1, done.answers)


def play(house: House, folder: Path, *, seconds: float, rate: float, rounds: int, turn_s: float) -> dict[str, Any]:
    """Everything, as it is written to ``--json``."""
    sides = ratios(house, rounds=rounds, seconds=turn_s)
    mixed = mix(house, folder, seconds=seconds, rate=rate, warm_up_s=WARM_UP_S)
    return {
        "mix": asdict(mixed),
        "ratios": [asdict(side) | {"ratio": side.ratio, "cpu_ratio": side.cpu_ratio} for side in sides],
    }


def _show(told: dict[str, Any]) -> None:
    console, mixed = Console(), told["mix"]
    table = Table(
        "request", "count", "p50 ms", "p99 ms", title=f"{mixed['rate']:.0f} requests/s for {mixed['seconds']:g} s"
    )
    for name, (count, p50, p99) in mixed["rows"].items():
        table.add_row(name, f"{count:,}", f"{p50:.1f}", f"{p99:.1f}")
    console.print(table)
    before, after = mixed["memory_mb"]
    console.print(f"failed: {mixed['failed']} {mixed['failures']}; memory: {before:.0f} MB, at the end {after:.0f} MB")
    for side in told["ratios"]:
        ours, theirs = statistics.median(side["gateway"]), statistics.median(side["bare"])
        console.print(
            f"{side['what']}: {ours:.0f}/s beside {theirs:.0f}/s of the bare application: {side['ratio']:.2f}; "
            f"{statistics.median(side['gateway_cpu_ms']):.2f} ms of a core for each answer beside "
            f"{statistics.median(side['bare_cpu_ms']):.2f} ms: {side['cpu_ratio']:.2f}"
        )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turn-s", type=float, default=4)
    parser.add_argument("--tenants", type=int, default=4)
    parser.add_argument("--videos", type=int, default=500)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="matchcut-load-") as name,
        private_servers(Path(name) / "servers") as servers,
    ):
        folder = Path(name)
        urls = servers.postgres_url, servers.redis_url
        with a_house(*urls, folder, tenants=asked.tenants, videos=asked.videos) as house:
            told = play(house, folder, seconds=asked.seconds, rate=asked.rate, rounds=asked.rounds, turn_s=asked.turn_s)
    _show(told)
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=2))
    return 1 if told["mix"]["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
