"""The books of all services, read at the end of a chaos run: what they announced, heard, did and stored."""

import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from chassis.bus._names import dead_letters, delayed
from contracts.registry import HEARD_BY, SERVICES

__all__ = ["Books", "Letter", "Said", "connected", "read_books", "unsettled"]

LOSABLE = {"step.progressed.v1"}
_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNDONE = "('queued', 'dispatched', 'running')"
_OVERDUE = """
    SELECT count(*) FROM gateway.findings found JOIN gateway.retentions rule USING (tenant_id)
    WHERE deleted_at IS NULL AND found.created_at < now() - interval '1 day' AND rule.days = 1
      AND rule.kind = CASE found.kind WHEN 'transcript' THEN 'transcripts' WHEN 'rendition' THEN 'renditions'
                                      ELSE 'results' END
"""
_KEPT = ("audit", "audit_seals", "erasures", "erasure_answers", "inbox", "outbox", "tasks")
"""Tables that may name what was erased: what proves it, and what is read by its streams and subjects."""


@dataclass(frozen=True)
class Said:
    """One event of an outbox."""

    id: UUID
    service: str
    stream: str
    tenant: UUID
    job: UUID | None
    data: dict[str, Any]


@dataclass(frozen=True)
class Letter:
    """A message to a webhook: how a run of a job ended."""

    id: str
    state: str
    type: str
    job: UUID
    run: int


@dataclass
class Books:
    """Everything, in memory."""

    said: list[Said] = field(default_factory=list)
    heard: dict[str, set[UUID]] = field(default_factory=dict)
    """Ids in the inbox, by service."""
    jobs: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    videos: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    scripts: dict[UUID, str] = field(default_factory=dict)
    """Blob key by script."""
    announced_scripts: dict[UUID, str] = field(default_factory=dict)
    """Blob key by script that was announced and not recorded: the sweep deletes both an hour later."""
    letters: list[Letter] = field(default_factory=list)
    uploads: dict[UUID, str] = field(default_factory=dict)
    """State by upload."""
    erasures: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    """By the video that was erased: the state, and which services answered."""
    parts: list[dict[str, Any]] = field(default_factory=list)
    """Erasures of scripts, users, and parts of videos."""
    deleted: dict[tuple[UUID, str], str] = field(default_factory=dict)
    """Jobs and steps whose results are deleted, and why."""
    traces: dict[UUID, set[str]] = field(default_factory=dict)
    """Tables of the gateway and of align that name a script or a user who was erased."""
    mentioned: dict[str, set[UUID]] = field(default_factory=dict)
    """Ids that stand in what is not read here otherwise, by where: the broker, the tasks of a service."""
    tasks: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many, by service and state."""
    attempts: Counter[int] = field(default_factory=Counter)
    """Tasks by how often they were tried."""
    rows: dict[str, Counter[tuple[UUID, int]]] = field(default_factory=dict)
    """Rows that a step left behind, by table, job and run."""
    buried: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Dead letters: service, stream, event id, reason."""
    blobs: set[str] = field(default_factory=set)
    half_written: int = 0
    """Temporary files of writers that were killed."""


@asynccontextmanager
async def connected(postgres_url: str) -> AsyncIterator[Any]:
    """A connection of its own, gone afterwards whatever became of the server meanwhile."""
    connection = await asyncpg.connect(postgres_url, timeout=10)
    try:
        yield connection
    finally:
        connection.terminate()


async def read_books(postgres_url: str, redis_url: str, blobs: Path, *, erased: Collection[UUID]) -> Books:
    """Read everything; superusers see past the walls between tenants."""
    books = Books()
    async with connected(postgres_url) as connection:
        for service in SERVICES:
            await _read_plumbing(connection, service, books)
        await _read_gateway(connection, books)
        await _read_erasures(connection, books)
        for service in ("gateway", "align"):
            await _read_traces(connection, service, erased, books)
        for table in ("vision.scenes", "vision.overlays", "transcribe.transcripts", "align.alignments", "align.lines"):
            found = await connection.fetch(f"SELECT job_id, run, count(*) FROM {table} GROUP BY job_id, run")
            books.rows[table] = Counter({(row["job_id"], row["run"]): row["count"] for row in found})
    async with Redis.from_url(redis_url) as redis:
        await _read_dead_letters(redis, books)
        books.mentioned["Redis"] = {id_ async for id_ in _ids_in(redis)}
    for folder, _, names in os.walk(blobs):
        place = Path(folder).relative_to(blobs).as_posix()
        if place.startswith(".incoming"):
            books.half_written += len(names)
        else:
            books.blobs |= {f"{place}/{name}" for name in names}
    return books


async def _read_plumbing(connection: Any, service: str, books: Books) -> None:
    for row in await connection.fetch(f"SELECT event_id, stream, body FROM {service}.outbox ORDER BY position"):
        body = json.loads(row["body"])
        job = UUID(body["jobid"]) if body.get("jobid") else None
        said = Said(row["event_id"], service, row["stream"], UUID(body["tenantid"]), job, body["data"])
        books.said.append(said)
    books.heard[service] = {row["event_id"] for row in await connection.fetch(f"SELECT event_id FROM {service}.inbox")}
    for row in await connection.fetch(f"SELECT state, attempt, count(*) FROM {service}.tasks GROUP BY state, attempt"):
        books.tasks[(service, row["state"])] += row["count"]
        books.attempts[row["attempt"]] += row["count"]
    subjects = await connection.fetch(f"SELECT DISTINCT subject FROM {service}.tasks")
    books.mentioned[f"the tasks of {service}"] = {UUID(row["subject"]) for row in subjects if _is_id(row["subject"])}


async def _read_gateway(connection: Any, books: Books) -> None:
    for row in await connection.fetch("SELECT id, tenant_id, video_id, run, steps, finished_at FROM gateway.jobs"):
        books.jobs[row["id"]] = {**row, "steps": {step["step"]: step for step in json.loads(row["steps"])}}
    query = "SELECT id, tenant_id, state, upload_id, copies_deleted_at FROM gateway.videos"
    for row in await connection.fetch(query):
        books.videos[row["id"]] = dict(row)
    for row in await connection.fetch("SELECT id, key, pending FROM gateway.scripts"):
        (books.announced_scripts if row["pending"] else books.scripts)[row["id"]] = row["key"]
    for row in await connection.fetch("SELECT event_id, state, type, body FROM gateway.webhook_deliveries"):
        data = json.loads(row["body"])["data"]
        id_ = f"msg_{row['event_id'].hex}"
        books.letters.append(Letter(id_, row["state"], row["type"], UUID(data["job_id"]), data["run"]))
    books.uploads = {row["id"]: row["state"] for row in await connection.fetch("SELECT id, state FROM gateway.uploads")}


async def _read_erasures(connection: Any, books: Books) -> None:
    answers = "SELECT array_agg(service) FROM gateway.erasure_answers WHERE erasure_id = id"
    shown = f"id, tenant_id, kind, subject_id, reason, state, receipt IS NOT NULL AS proven, ({answers}) AS answered"
    for row in await connection.fetch(f"SELECT {shown} FROM gateway.erasures"):
        if row["kind"] == "video":
            books.erasures[row["subject_id"]] = dict(row)
        else:
            books.parts.append(dict(row))
    reasons = {one["id"]: one["reason"] for one in books.parts}
    gone = "SELECT job_id, kind, erasure_id FROM gateway.findings WHERE deleted_at IS NOT NULL"
    for row in await connection.fetch(gone):
        step = "upscale" if row["kind"] == "rendition" else row["kind"]
        books.deleted[row["job_id"], step] = reasons.get(row["erasure_id"], "nobody knows why")


async def _read_traces(connection: Any, service: str, erased: Collection[UUID], books: Books) -> None:
    patterns = [f"%{one}%" for one in erased]
    tables = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'", service
    )
    for table in (row["relname"] for row in tables if row["relname"] not in _KEPT):
        naming = f'SELECT one::text FROM {service}."{table}" one WHERE one::text LIKE ANY($1)'
        for (said,) in await connection.fetch(naming, patterns):
            for found in _ID.findall(said.encode()):
                if UUID(found.decode()) in erased:
                    books.traces.setdefault(UUID(found.decode()), set()).add(f"{service}.{table}")


def _is_id(subject: str) -> bool:
    return _ID.fullmatch(subject.encode()) is not None


async def _ids_in(redis: Any) -> AsyncIterator[UUID]:
    """Every id that stands in a stream."""
    async for stream in redis.scan_iter(_type="stream"):
        for _, entry in await redis.xrange(stream):
            for found in _ID.findall(b" ".join(entry.values())):
                yield UUID(found.decode())


async def _read_dead_letters(redis: Any, books: Books) -> None:
    for stream, groups in HEARD_BY.items():
        for group in groups:
            for _, letter in await redis.xrange(dead_letters(stream, group)):
                event_id = letter.get(b"event_id", b"").decode()
                books.buried.append((group, stream, event_id, letter.get(b"reason", b"").decode()))


async def unsettled(postgres_url: str, redis_url: str) -> list[str]:
    """What is still under way, in words; empty when everything has come to rest."""
    found: list[str] = []
    async with connected(postgres_url) as connection:
        jobs = await connection.fetchval("SELECT count(*) FROM gateway.jobs WHERE finished_at IS NULL")
        found += [f"{jobs} jobs are not finished"] if jobs else []
        erasures = await connection.fetchval("SELECT count(*) FROM gateway.erasures WHERE state <> 'completed'")
        found += [f"{erasures} erasures have no receipt"] if erasures else []
        overdue = await connection.fetchval(_OVERDUE)
        found += [f"{overdue} findings are over their time"] if overdue else []
        letters = await connection.fetchval("SELECT count(*) FROM gateway.webhook_queue")
        found += [f"{letters} messages to webhooks are on their way"] if letters else []
        for service in SERVICES:
            rows = await connection.fetchval(f"SELECT count(*) FROM {service}.outbox WHERE sent_batch IS NULL")
            found += [f"{service}: {rows} facts are not sent"] if rows else []
            query = f"SELECT state, count(*) FROM {service}.tasks WHERE state IN {_UNDONE} GROUP BY state"
            found += [f"{service}: {row['count']} tasks are {row['state']}" for row in await connection.fetch(query)]
    async with Redis.from_url(redis_url) as redis:
        for stream, groups in HEARD_BY.items():
            for group in groups:
                found += [f"{group}: {what} on {stream}" for what in await _waiting(redis, stream, group)]
        for service in SERVICES:
            entries = await redis.xlen(f"work.{service}")
            found += [f"{service}: {entries} entries on its work stream"] if entries else []
    return found


async def _waiting(redis: Any, stream: str, group: str) -> list[str]:
    try:
        newest = (await redis.xinfo_stream(stream))["last-generated-id"]
        known = [one for one in await redis.xinfo_groups(stream) if one["name"].decode() == group]
    except ResponseError:
        return ["no stream"]
    if not known:
        return ["no group"]
    found = []
    if known[0]["pending"]:
        found.append(f"{known[0]['pending']} entries pending")
    if known[0]["last-delivered-id"] != newest:
        found.append("unread entries")
    if late := await redis.zcard(delayed(stream, group)):
        found.append(f"{late} retries waiting")
    return found
