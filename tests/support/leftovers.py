"""Everything a running Matchcut holds, as text to be searched: tables, blobs, messages."""

import asyncio
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import redis

from contracts.registry import SERVICES
from matchcut.client import Erasure, Matchcut
from matchcut.launcher import Launcher

__all__ = ["PROOF", "completed", "kept_by"]

PROOF = frozenset({"gateway.audit", "gateway.erasures", "gateway.erasure_answers"})
"""What is to be left of an erasure."""
_TABLES = """
SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = ANY($1::text[]) AND relkind IN ('r', 'p', 'm')
"""


def completed(matchcut: Matchcut, erasure: Erasure, *, limit_s: float = 60) -> Erasure:
    """The erasure once every service has answered and it was concluded."""
    end = time.monotonic() + limit_s
    while (erasure := matchcut.erasure(erasure.id)).state != "completed":
        assert time.monotonic() < end, f"still waits for {erasure.awaited}"
        time.sleep(0.1)
    return erasure


def kept_by(launcher: Launcher) -> str:
    """A line for each row, each blob and each message."""
    state = launcher.state
    blobs = Path(urlsplit(state.services["gateway"].environment["GATEWAY_BLOBS_URL"]).path)
    return "\n".join([*asyncio.run(_rows(state.postgres_url)), *_blobs(blobs), *_messages(state.redis_url)])


async def _rows(url: str) -> list[str]:
    """Bytes are shown as PostgreSQL writes them, in hexadecimal, and once more as the text they may be."""
    connection = await asyncpg.connect(url)
    found = []
    try:
        for schema, table in await connection.fetch(_TABLES, list(SERVICES)):
            if f"{schema}.{table}" in PROOF:
                continue
            for row in await connection.fetch(f'SELECT * FROM "{schema}"."{table}"'):
                values = [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in row]
                found.append(f"{schema}.{table}: {_one_line(' | '.join(values))}")
    finally:
        await connection.close()
    return found


def _blobs(folder: Path) -> list[str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [
        f"blob {path.relative_to(folder)}: {_one_line(path.read_bytes().decode(errors='replace'))}" for path in files
    ]


def _messages(url: str) -> list[str]:
    client: Any = redis.Redis.from_url(url)
    try:
        return [f"redis {key!r}: {_one_line(str(_value(client, key)))}" for key in client.scan_iter(count=1000)]
    finally:
        client.close()


def _value(client: Any, key: bytes) -> Any:
    match client.type(key):
        case b"stream":
            groups = [client.xpending(key, group["name"]) for group in client.xinfo_groups(key)]
            return client.xrange(key), groups
        case b"zset":
            return client.zrange(key, 0, -1)
        case b"hash":
            return client.hgetall(key)
        case b"set":
            return client.smembers(key)
        case b"list":
            return client.lrange(key, 0, -1)
        case _:
            return client.get(key)


def _one_line(text: str) -> str:
    return " ".join(text.split())
