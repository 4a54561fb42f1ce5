"""``dlq list|show|replay|drop``: the facts this service gave up."""

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.exceptions import RedisError

from chassis.bus import DeadLetter, DeadLetters, LetterFilter
from chassis.run._answers import SHOWN_IDS, add_common, age, complain, print_rows, say, say_json, seconds
from chassis.run._service import Service

__all__ = ["add_letters_parser", "answer_about_letters"]

_SHOWN = 100
_BATCH = 100
Change = Callable[[Sequence[str]], Awaitable[Sequence[str]]]


def add_letters_parser(commands: Any) -> None:
    """Add ``dlq`` to a service's command line."""
    parser = commands.add_parser("dlq", help="facts this service gave up: look, try again, drop")
    parser.add_argument("action", choices=["list", "show", "replay", "drop"])
    parser.add_argument("ids", nargs="*", help="as `dlq list` shows them")
    parser.add_argument("--stream", action="append", default=[], help="of this stream; may be repeated")
    parser.add_argument("--reason", help="with this reason")
    parser.add_argument("--event", help="of the event with this id")
    parser.add_argument("--job", help="of this job")
    parser.add_argument("--tenant", help="of this tenant")
    parser.add_argument("--older-than", type=seconds, metavar="SPAN", help="died longer ago: 90s, 15m, 2h, 7d")
    parser.add_argument("--newer-than", type=seconds, metavar="SPAN", help="died since then")
    add_common(parser)


async def answer_about_letters(service: Service, options: argparse.Namespace) -> int:
    """Do what was asked; 0 well, 1 a named letter was not there or Redis does not answer, 2 asked wrongly."""
    letters = service.bus.dead_letters()
    asked = _filter(options)
    try:
        if options.action == "list":
            return await _list(letters, asked, options)
        if not (options.ids or options.all or asked != LetterFilter()):
            raise ValueError("name dead letters by their ids, narrow them down with a filter, or say --all")
        if options.action == "show":
            return await _show(letters, asked, options)
        return await _act(letters, asked, options)
    except ValueError as error:
        complain(str(error))
        return 2
    except (RedisError, OSError) as error:
        complain(f"Redis does not answer: {error}")
        return 1
    finally:
        await service.close()


def _filter(options: argparse.Namespace) -> LetterFilter:
    now = datetime.now(UTC)
    before = None if options.older_than is None else now - timedelta(seconds=options.older_than)
    after = None if options.newer_than is None else now - timedelta(seconds=options.newer_than)
    return LetterFilter(
        tuple(options.stream), options.reason, options.event, options.job, options.tenant, after, before
    )


async def _list(letters: DeadLetters, asked: LetterFilter, options: argparse.Namespace) -> int:
    shown, more = await _some(letters.list(asked), options.limit or _SHOWN)
    total = None if asked.needs_reading else await letters.count(asked)
    if options.json:
        lines = [{k: v for k, v in _plain(letter).items() if k not in ("traceback", "payload")} for letter in shown]
        say_json({"letters": lines, "total": total, "more": more})
        return 0
    if not shown:
        say("no dead letters" if asked == LetterFilter() else "no dead letter is like that")
        return 0
    now = datetime.now(UTC)
    rows = [
        (letter.id, age((now - letter.died_at).total_seconds()), letter.reason, str(letter.attempt), _line(letter))
        for letter in shown
    ]
    print_rows(("ID", "AGE", "REASON", "TRIES", "DETAIL"), rows)
    if more:
        of = f" of {total}" if total is not None else "; there are more"
        complain(f"the first {len(shown)}{of}: say --limit for more, or narrow them down")
    return 0


async def _show(letters: DeadLetters, asked: LetterFilter, options: argparse.Namespace) -> int:
    if options.ids:
        found = {letter_id: await letters.get(letter_id) for letter_id in options.ids}
        shown, more = [letter for letter in found.values() if letter is not None], False
        missing = [letter_id for letter_id, letter in found.items() if letter is None]
    else:
        shown, more = await _some(letters.list(asked), options.limit or _SHOWN)
        missing = []
    if options.json:
        say_json({"letters": [_plain(letter) for letter in shown], "missing": missing, "more": more})
    for letter in () if options.json else shown:
        for name, value in _plain(letter).items():
            if name not in ("traceback", "payload") and value:
                say(f"{name:<10} {value}")
        say(f"payload    {letter.payload}\n{letter.traceback}")
    for letter_id in missing:
        complain(f"{letter_id}: no such dead letter")
    return 1 if missing else 0


@dataclass
class _Tally:
    """What was done; the ids of the first hundred."""

    done: int = 0
    ids: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def add(self, wanted: Sequence[str], found: Sequence[str]) -> None:
        self.done += len(found)
        self.ids += list(found)[: SHOWN_IDS - len(self.ids)]
        gone = [letter_id for letter_id in wanted if letter_id not in set(found)]
        self.missing += gone[: SHOWN_IDS - len(self.missing)]


async def _act(letters: DeadLetters, asked: LetterFilter, options: argparse.Namespace) -> int:
    change: Change = letters.replay_many if options.action == "replay" else letters.drop_many
    tally = _Tally()
    if options.ids:
        known = [each for each in options.ids if await letters.get(each) is not None] if options.dry_run else None
        for start in range(0, len(options.ids), _BATCH):
            some = options.ids[start : start + _BATCH]
            tally.add(some, [each for each in some if each in known] if known is not None else await change(some))
    else:
        async for some in _batches(letters.list(asked), options.limit):
            # One that somebody else settled meanwhile is settled: only named letters can be missing.
            done = some if options.dry_run else await change(some)
            tally.add(done, done)
    if options.json:
        say_json({"action": options.action, "dry_run": options.dry_run, **asdict(tally)})
    else:
        would = "would be " if options.dry_run else ""
        done = {"replay": "replayed", "drop": "dropped"}[options.action]
        for letter_id in tally.ids:
            say(f"{letter_id}  {would}{done}")
        say(f"{tally.done} {would}{done}")
    for letter_id in tally.missing:
        complain(f"{letter_id}: no such dead letter")
    return 1 if tally.missing else 0


async def _some(letters: AsyncIterator[DeadLetter], limit: int) -> tuple[list[DeadLetter], bool]:
    """The first ``limit``, and whether there are more."""
    found: list[DeadLetter] = []
    async for letter in letters:
        if len(found) == limit:
            return found, True
        found.append(letter)
    return found, False


async def _batches(letters: AsyncIterator[DeadLetter], limit: int | None) -> AsyncIterator[list[str]]:
    batch: list[str] = []
    taken = 0
    async for letter in letters:
        if limit is not None and taken == limit:
            break
        taken += 1
        batch.append(letter.id)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _plain(letter: DeadLetter) -> dict[str, Any]:
    return {**asdict(letter), "died_at": letter.died_at.isoformat()}


def _line(letter: DeadLetter) -> str:
    return " ".join(letter.detail.split())[:120]
