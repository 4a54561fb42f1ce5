"""A chaos run from beginning to end: ``make chaos SEED=7 JOBS=10000``, or ``python -m support.chaos_run`` in tests/.

Six real services with scripted engines, real servers, customers at the real API, and a monkey. When the last job has
been accepted the monkey rests, everything settles, and the books of all services are held against what was promised.
Exit code 0: every property holds. 1: one does not. The same seed gives the same films, orders and faults.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from support.chaos_ageing import Ageing
from support.chaos_books import connected, read_books, unsettled
from support.chaos_customers import Customers, make_tenants
from support.chaos_house import House, a_house
from support.chaos_journal import Journal
from support.chaos_mailbox import Mailbox, a_mailbox
from support.chaos_monkey import Monkey, schedule
from support.chaos_recovery import Recovery, recoveries
from support.chaos_verdict import Verdict, judge

__all__ = ["Options", "Report", "run_chaos"]

_SETTLE_S = 240.0
_TENANTS = 3
_CUSTOMERS = 12
_MOST_SHOWN = 15


@dataclass(frozen=True)
class Options:
    """What to run."""

    seed: int
    jobs: int
    replicas: int = 2
    lease_s: float = 3.0
    most_unfinished: int = 120
    settle_s: float = _SETTLE_S
    least_faults: int = 0
    """There are more jobs than asked for if the machine is so fast that less went wrong meanwhile."""
    calm: bool = False
    """Without any fault: to see what the house does when it is left in peace."""


@dataclass
class Report:
    """What came of it."""

    options: Options
    verdict: Verdict
    faults: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, Any] = field(default_factory=dict)
    recovered: list[Recovery] = field(default_factory=list)
    taken_over_s: list[float] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return self.verdict.holds

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "seed": self.options.seed,
            "holds": self.holds,
            "numbers": self.numbers,
            "faults": dict(self.faults),
            "answers": dict(self.answers),
            "lost": self.verdict.lost,
            "doubled": self.verdict.doubled,
            "stuck": self.verdict.stuck,
            "orphans": self.verdict.orphans,
            "unexplained": self.verdict.unexplained,
            "notes": dict(self.verdict.notes),
            "recoveries": [vars(one) for one in sorted(self.recovered, key=lambda one: -one.seconds)[:50]],
            "taken_over_s": self.taken_over_s,
        }

    def as_text(self) -> str:
        """All of it, for people."""
        verdict, lines = self.verdict, []
        for name in ("lost", "doubled", "stuck", "orphans", "unexplained"):
            found: list[str] = getattr(verdict, name)
            lines += [f"  {name}: {one}" for one in found[:_MOST_SHOWN]]
            if len(found) > _MOST_SHOWN:
                lines.append(f"  {name}: ... and {len(found) - _MOST_SHOWN} more")
        lines += [f"{name:>34}  {number}" for name, number in self.numbers.items()]
        lines += [f"{'fault: ' + kind:>34}  {count}" for kind, count in sorted(self.faults.items())]
        lines += [f"{'answer: ' + kind:>34}  {count}" for kind, count in sorted(self.answers.items())]
        lines += [f"{'note: ' + kind:>34}  {count}" for kind, count in sorted(verdict.notes.items())]
        counts = ", ".join(
            f"{name} {len(getattr(verdict, name))}" for name in ("lost", "doubled", "stuck", "orphans", "unexplained")
        )
        lines.append(f"{'EVERY PROMISE HELD' if self.holds else 'A PROMISE WAS BROKEN'}: {counts}")
        options = self.options
        lines.append(f"replay: make chaos SEED={options.seed} JOBS={options.jobs} REPLICAS={options.replicas}")
        return "\n".join(lines)


class _Clock:
    """How many jobs are unfinished just now, and how it goes, for whoever watches."""

    def __init__(self, house: House, journal: Journal, monkey: Monkey, options: Options) -> None:
        self._house, self._journal, self._monkey, self._options = house, journal, monkey, options
        self.unfinished = 0
        self._began = time.monotonic()

    async def run(self) -> None:
        said_at = 0.0
        while True:
            with suppress(
                OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError
            ):
                async with connected(self._house.servers.postgres_url) as connection:
                    query = "SELECT count(*) FROM gateway.jobs WHERE finished_at IS NULL"
                    self.unfinished = await connection.fetchval(query, timeout=5)
            if time.monotonic() - said_at > 5:
                said_at = time.monotonic()
                self._say()
            await asyncio.sleep(0.3)

    def _say(self) -> None:
        seconds = time.monotonic() - self._began
        accepted = len(self._journal.jobs)
        last = self._monkey.done[-1] if self._monkey.done else None
        print(
            f"{seconds:6.0f} s  {accepted}/{self._options.jobs} jobs accepted, {self.unfinished} under way,"
            f" {(accepted - self.unfinished) / max(1.0, seconds):.1f} done/s, {len(self._monkey.done)} faults"
            + (f", last: {last.fault.kind} ({last.target})" if last else ""),
            flush=True,
        )


async def run_chaos(options: Options, folder: Path) -> Report:
    """One run in an empty folder."""
    began = time.monotonic()
    journal = Journal()
    settings = {"seed": options.seed, "lease_s": options.lease_s, "replicas": options.replicas}
    async with (
        a_mailbox(journal, options.seed) as mailbox,
        a_house(folder, mailbox_port=mailbox.port, **settings) as house,  # type: ignore[arg-type]
    ):
        monkey = Monkey(house, schedule(options.seed, lease_s=options.lease_s, replicas=options.replicas))
        clock = _Clock(house, journal, monkey, options)
        watching = asyncio.create_task(clock.run())
        started = time.monotonic()
        await _live(house, mailbox, monkey, clock, journal, options)
        lived_s = time.monotonic() - started
        stuck = await _settle(house, options.settle_s)
        settled_s = time.monotonic() - started - lived_s
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        erased = journal.erased_scripts | journal.erased_users
        books = await read_books(house.servers.postgres_url, house.servers.redis_url, house.blobs, erased=erased)
        report = Report(options, judge(journal, books, stuck=stuck))
        report.recovered = await recoveries(house.servers.postgres_url, monkey.done)
        report.taken_over_s = sorted(seconds for done in monkey.done for seconds in done.taken_over_s)
        report.verdict.unexplained += journal.surprises
        report.verdict.stuck += await _unwell(house)
        for replica in house.replicas:
            for code in replica.died_alone:
                report.verdict.notes[f"{replica.service} ended by itself with {code}"] += 1
    report.verdict.orphans += house.left_over
    report.faults = Counter(done.fault.kind for done in monkey.done)
    report.answers = journal.answers
    seconds = sorted(one.seconds for one in report.recovered)
    report.numbers = {
        "jobs accepted": len(journal.jobs),
        "videos accepted": len(journal.videos),
        "jobs called off": sum(job.cancelled for job in journal.jobs.values()),
        "jobs retried": sum(job.runs > 1 for job in journal.jobs.values()),
        "videos erased": sum(video.erased for video in journal.videos.values()),
        "scripts, users erased": f"{len(journal.erased_scripts)}, {len(journal.erased_users)}",
        "classes deleted by hand": len(journal.deleted),
        "erasures by retention": sum(one["reason"] == "retention" for one in books.parts),
        "findings deleted": len(books.deleted),
        "messages to webhooks": len(books.letters),
        "facts announced": len(books.said),
        "facts heard": sum(len(heard) for heard in books.heard.values()),
        "tasks": sum(books.tasks.values()),
        "tasks tried more than once": sum(count for tries, count in books.attempts.items() if tries > 1),
        "faults": len(monkey.done),
        "processes started": sum(replica.starts for replica in house.replicas),
        "longest recovery, s": seconds[-1] if seconds else None,
        "p95 recovery, s": seconds[int(len(seconds) * 0.95)] if seconds else None,
        "tasks taken over": len(report.taken_over_s),
        "longest takeover, s": report.taken_over_s[-1] if report.taken_over_s else None,
        "p95 takeover, s": report.taken_over_s[int(len(report.taken_over_s) * 0.95)] if report.taken_over_s else None,
        "longest start of a dead service, s": max(monkey.starts_s, default=None),
        "lease, s": options.lease_s,
        "jobs per second under fire": round(len(journal.jobs) / lived_s, 1),
        "settled after, s": round(settled_s, 1),
        "wall time, s": round(time.monotonic() - began, 1),
    }
    return report


async def _live(
    house: House, mailbox: Mailbox, monkey: Monkey, clock: _Clock, journal: Journal, options: Options
) -> None:
    """Customers and monkey side by side until every job is accepted."""
    tenants = await make_tenants(house.replicas[0].environment["GATEWAY_DATABASE_URL"], _TENANTS)
    await mailbox.subscribe(house.gateways, tenants)
    customers = Customers(
        house.gateways,
        tenants,
        journal,
        seed=options.seed,
        jobs=options.jobs,
        unfinished=lambda: clock.unfinished,
        most_unfinished=options.most_unfinished,
        wants_more=lambda: len(monkey.done) < options.least_faults,
    )
    if options.calm:
        monkey.rest()
    await customers.keep_for_a_day(tenants[0], "results", "transcripts", "renditions")
    ageing = asyncio.create_task(Ageing(house.servers.postgres_url, [tenants[0].id]).run())
    async with asyncio.TaskGroup() as group:
        group.create_task(monkey.run())
        await customers.run(_CUSTOMERS)
        monkey.rest()
    ageing.cancel()
    with suppress(asyncio.CancelledError):
        await ageing


async def _settle(house: House, limit_s: float) -> list[str]:
    """Wait until nothing is under way; returns what still is at the end."""
    end = time.monotonic() + limit_s
    left: list[str] = ["not looked yet"]
    while left and time.monotonic() < end:
        await asyncio.sleep(0.5)
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            left = await unsettled(house.servers.postgres_url, house.servers.redis_url)
    return left


async def _unwell(house: House) -> list[str]:
    """Processes that are not well when all is over, and who was killed last has had the time to come back."""
    try:
        await house.until_ready(limit_s=120)
    except TimeoutError as error:
        return [str(error)]
    problems = []
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        for replica in house.replicas:
            for path in ("/healthz", "/readyz"):
                try:
                    answer = await client.get(f"http://127.0.0.1:{replica.port}{path}")
                except httpx.HTTPError as error:
                    problems.append(f"{replica.name} does not answer {path}: {error!r}")
                else:
                    if answer.status_code != 200:
                        problems.append(f"{replica.name} says {answer.text} at {path}")
    return problems


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--replicas", type=int, default=2, choices=range(1, 7))
    parser.add_argument("--lease", type=float, default=3.0, help="seconds")
    parser.add_argument("--json", type=Path, help="write the report here too")
    parser.add_argument("--keep", type=Path, help="an empty folder for everything the run writes, kept afterwards")
    parser.add_argument("--calm", action="store_true", help="no faults at all")
    asked = parser.parse_args()
    options = Options(asked.seed, asked.jobs, asked.replicas, asked.lease, calm=asked.calm)
    print(f"chaos: seed {options.seed}, {options.jobs} jobs, {options.replicas} replicas of each service", flush=True)
    with tempfile.TemporaryDirectory(prefix="matchcut-chaos-", ignore_cleanup_errors=True) as temporary:
        folder = asked.keep or Path(temporary)
        report = asyncio.run(run_chaos(options, folder))
    print(report.as_text())
    if asked.json:
        asked.json.write_text(json.dumps(report.as_json(), indent=1, default=str))
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
