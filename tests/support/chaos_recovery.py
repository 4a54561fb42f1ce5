"""How long each service took to go on after each fault, read from the times in the databases."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.registry import SERVICES
from support.chaos_books import connected
from support.chaos_monkey import Done

__all__ = ["Recovery", "recoveries"]

_SAID = " UNION ALL ".join(f"SELECT event_id, created_at FROM {service}.outbox" for service in SERVICES)


@dataclass(frozen=True)
class Recovery:
    """From the end of a fault (of a kill: the kill itself) to the next thing done by a service that had work."""

    kind: str
    target: str
    service: str
    seconds: float


async def recoveries(postgres_url: str, faults: list[Done]) -> list[Recovery]:
    """One for each fault and affected service that had something to do."""
    found = []
    async with connected(postgres_url) as connection:
        await connection.execute(f"CREATE TEMP TABLE said AS {_SAID}")
        await connection.execute("CREATE INDEX ON said (event_id)")
        for service in SERVICES:
            query = f"CREATE TEMP TABLE times_{service} AS SELECT created_at AS since, received_at AS until"
            await connection.execute(f"{query} FROM {service}.inbox JOIN said USING (event_id)")
            await connection.execute(
                f"INSERT INTO times_{service} SELECT created_at, changed_at FROM {service}.tasks"
                " WHERE state IN ('done', 'failed')"
            )
            await connection.execute(f"CREATE INDEX ON times_{service} (until)")
        for done in faults:
            for service in done.affected:
                seconds = await _next(connection, service, done.ended or done.began)
                if seconds is not None:
                    found.append(Recovery(done.fault.kind, done.target, service, seconds))
    return found


async def _next(connection: Any, service: str, moment: datetime) -> float | None:
    """Seconds to the first thing that was waiting at the moment and was done afterwards."""
    query = f"SELECT until FROM times_{service} WHERE until > $1 AND since <= $1 ORDER BY until LIMIT 1"
    until = await connection.fetchval(query, moment)
    return None if until is None else round((until - moment).total_seconds(), 3)
