"""``work list|cancel|requeue``: the long tasks of this service."""

import argparse
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from chassis.run._answers import SHOWN_IDS, add_common, age, complain, print_rows, say, say_json, seconds
from chassis.run._service import Service
from chassis.work import Desk, TaskFilter, TaskLine
from chassis.work._desk import BY_OPERATOR, OPEN, STATES

__all__ = ["add_tasks_parser", "answer_about_tasks"]

_SHOWN = 100
_PAGE = 200


def add_tasks_parser(commands: Any) -> None:
    """Add ``work`` to a service's command line."""
    parser = commands.add_parser("work", help="long tasks of this service: look, call off, do again")
    parser.add_argument("action", choices=["list", "cancel", "requeue"])
    parser.add_argument("ids", nargs="*", type=UUID, help="as `work list` shows them")
    parser.add_argument("--state", action="append", default=[], choices=STATES, help="may be repeated")
    parser.add_argument("--kind", help="of this kind")
    parser.add_argument("--tenant", type=UUID, help="of this tenant")
    parser.add_argument("--job", type=UUID, help="of this job")
    parser.add_argument("--subject", help="about this, such as a video")
    parser.add_argument("--key", help="with this key; a trailing * stands for any ending")
    parser.add_argument("--older-than", type=seconds, metavar="SPAN", help="made longer ago: 90s, 15m, 2h, 7d")
    parser.add_argument("--silent", type=seconds, metavar="SPAN", help="in flight, and not heard of for longer")
    parser.add_argument("--why", default="", help="cancel: what those are told who wait for it")
    add_common(parser)


async def answer_about_tasks(service: Service, options: argparse.Namespace) -> int:
    """Do what was asked; 0 well, 1 a named task could not be or PostgreSQL does not answer, 2 asked wrongly."""
    narrowed = _filter(options)
    if options.action != "list" and not options.all and narrowed == TaskFilter():
        complain("name tasks by their ids, narrow them down with a filter, or say --all")
        return 2
    desk = None if service.work is None else service.work.desk()
    asked = _meant(narrowed, options.action)
    try:
        return await (_list if options.action == "list" else _act)(desk, asked, options)
    except (SQLAlchemyError, OSError) as error:
        complain(f"PostgreSQL does not answer: {error}")
        return 1
    finally:
        await service.close()


def _filter(options: argparse.Namespace) -> TaskFilter:
    return TaskFilter(
        ids=tuple(options.ids),
        states=tuple(options.state),
        kind=options.kind,
        tenant_id=options.tenant,
        job_id=options.job,
        subject=options.subject,
        key=options.key,
        older_than_s=options.older_than,
        silent_for_s=options.silent,
    )


def _meant(asked: TaskFilter, action: str) -> TaskFilter:
    """Without a state: what is open or failed is shown, what is open is called off, what failed is done again."""
    if asked.states or asked.ids or asked.silent_for_s is not None:
        return asked
    return replace(asked, states={"list": (*OPEN, "failed"), "cancel": OPEN, "requeue": ("failed",)}[action])


async def _list(desk: Desk | None, asked: TaskFilter, options: argparse.Namespace) -> int:
    limit = options.limit or _SHOWN
    shown = [] if desk is None else list(await desk.page(asked, limit=limit + 1))
    shown, more = shown[:limit], len(shown) > limit
    counts = {} if desk is None else await desk.count(asked)
    if options.json:
        say_json({"tasks": [asdict(line) for line in shown], "counts": counts, "more": more})
        return 0
    if not shown:
        say("this service does no long work" if desk is None else "no task is like that")
        return 0
    heading = ("ID", "STATE", "KIND", "AGE", "SINCE", "HEARD", "TRY", "TENANT", "KEY", "NOTE")
    print_rows(heading, [_row(line) for line in shown])
    said = ", ".join(f"{count} {state}" for state, count in counts.items())
    complain(f"{said}; the first {len(shown)} are shown: say --limit for more" if more else said)
    return 0


def _row(line: TaskLine) -> tuple[str, ...]:
    note = f"due in {age(line.due_s)}" if line.due_s is not None else (line.reason or line.detail or "")
    return (
        str(line.id),
        line.state,
        line.kind,
        age(line.age_s),
        age(line.changed_s),
        age(line.silent_s),
        str(line.attempt),
        str(line.tenant_id),
        line.key,
        " ".join(note.split())[:80],
    )


@dataclass
class _Tally:
    """What was done; the ids of the first hundred."""

    done: int = 0
    ids: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


async def _act(desk: Desk | None, asked: TaskFilter, options: argparse.Namespace) -> int:
    tally = _Tally()
    seen: set[UUID] = set()
    async for line in _all(desk, asked, options.limit):
        seen |= {line.id} & set(asked.ids)
        fit = _fits(line, options.action)
        if fit and desk is not None and not options.dry_run:
            change = desk.cancel(line.id, why=options.why) if options.action == "cancel" else desk.requeue(line.id)
            fit = await change
        if fit:
            tally.done += 1
            tally.ids += [str(line.id)][: SHOWN_IDS - len(tally.ids)]
        elif line.id in asked.ids:
            tally.missing.append(f"{line.id}: it is {line.state}, so it cannot be {_DONE[options.action]}")
    tally.missing += [f"{id_}: no such task" for id_ in asked.ids if id_ not in seen]
    if options.json:
        say_json({"action": options.action, "dry_run": options.dry_run, **asdict(tally)})
    else:
        would = "would be " if options.dry_run else ""
        for id_ in tally.ids:
            say(f"{id_}  {would}{_DONE[options.action]}")
        say(f"{tally.done} {would}{_DONE[options.action]}")
    for problem in tally.missing:
        complain(problem)
    return 1 if tally.missing else 0


def _fits(line: TaskLine, action: str) -> bool:
    """Whether it can be, as things stood a moment ago; the desk has the last word."""
    by_operator = line.state == "cancelled" and line.reason == BY_OPERATOR
    return line.state in OPEN or (action == "requeue" and (line.state == "failed" or by_operator))


_DONE = {"cancel": "called off", "requeue": "queued again"}


async def _all(desk: Desk | None, asked: TaskFilter, limit: int | None) -> AsyncIterator[TaskLine]:
    """Page by page, in an order that what we do to them does not upset."""
    after: UUID | None = None
    left = limit
    while desk is not None:
        page = await desk.page(asked, after=after, limit=_PAGE if left is None else min(_PAGE, left))
        for line in page:
            yield line
        if len(page) < _PAGE:
            return
        after = page[-1].id
        left = None if left is None else left - len(page)
