"""Uploads, videos and scripts in PostgreSQL."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Prepared, fetch
from gateway.adapters.postgres.tables import scripts, transfers, uploads, videos
from gateway.domain.library import Rejection, Script, Upload, Video

__all__ = ["PostgresScripts", "PostgresUploads", "PostgresVideos"]

_UNUSED = ("waiting", "checking", "received", "failed")
_OLD = ("waiting", "received", "failed")
"""What a task is at work on is never too old."""
_VIDEO = Prepared(select(videos).where(videos.c.id == bindparam("id")))
_VIDEOS = (
    select(videos)
    .where(videos.c.state != "erased")
    .order_by(videos.c.id.desc())
    .limit(bindparam("limit", type_=Integer))
)
_NEWEST_VIDEOS, _OLDER_VIDEOS = Prepared(_VIDEOS), Prepared(_VIDEOS.where(videos.c.id < bindparam("before")))


class PostgresUploads:
    """Uploads of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, upload: Upload) -> None:
        """Record an upload that waits for its bytes."""
        await self._connection.execute(insert(uploads).values(asdict(upload)))

    async def get(self, upload_id: UUID) -> Upload | None:
        """One upload."""
        known = (uploads.c.id == upload_id) & (uploads.c.state != "abandoned")
        found = await self._connection.execute(select(uploads).where(known))
        row = found.mappings().one_or_none()
        return None if row is None else _upload(row)

    async def receive(self, upload_id: UUID, *, key: str, size_bytes: int, sha256: str) -> bool:
        """Record that the bytes are here; False if they were before, or the upload is gone."""
        row = update(uploads).where(uploads.c.id == upload_id, uploads.c.state == "waiting")
        marked = await self._connection.execute(
            row.values(state="received", key=key, size_bytes=size_bytes, sha256=sha256)
        )
        return marked.rowcount == 1

    async def take(self, upload_id: UUID, request_id: UUID) -> bool:
        """Let this request send the bytes, and none that did before; False if none are waited for."""
        row = update(uploads).where(uploads.c.id == upload_id, uploads.c.state == "waiting")
        return (await self._connection.execute(row.values(writer=request_id))).rowcount == 1

    async def writes(self, upload_id: UUID, request_id: UUID) -> bool:
        """Whether this request still may."""
        mine = (uploads.c.id == upload_id) & (uploads.c.state == "waiting") & (uploads.c.writer == request_id)
        return bool(await self._connection.scalar(select(exists().where(mine))))

    async def whole(self, upload_id: UUID) -> bool:
        """All pieces are here, to be joined and checked; False if that was known, or the upload is gone."""
        row = update(uploads).where(uploads.c.id == upload_id, uploads.c.state == "waiting")
        return (await self._connection.execute(row.values(state="checking"))).rowcount == 1

    async def arrive(self, upload_id: UUID, *, key: str, size_bytes: int, sha256: str) -> bool:
        """Record that the bytes are here, joined and checked; False if nobody wants them any more."""
        expected = uploads.c.state.in_(("checking", "used")) & uploads.c.key.is_(None)
        received = case((uploads.c.state == "checking", "received"), else_=uploads.c.state)
        row = update(uploads).where(uploads.c.id == upload_id, expected)
        arrived = row.values(state=received, key=key, size_bytes=size_bytes, sha256=sha256)
        return (await self._connection.execute(arrived)).rowcount == 1

    async def fail(self, upload_id: UUID, failure: Rejection) -> None:
        """Record that the bytes will not come."""
        expected = uploads.c.state.in_(("checking", "used")) & uploads.c.key.is_(None)
        row = update(uploads).where(uploads.c.id == upload_id, expected)
        await self._connection.execute(row.values(state="failed", failure=asdict(failure)))

    async def expect(self, upload_id: UUID, size_bytes: int) -> None:
        """Note how many bytes will come, once that is known."""
        known = (uploads.c.id == upload_id, uploads.c.state.in_(("waiting", "used")), uploads.c.key.is_(None))
        row = update(uploads).where(*known).values(expected_bytes=size_bytes, size_bytes=None)
        await self._connection.execute(row)

    async def hold(self, upload_id: UUID, size_bytes: int) -> None:
        """Note how many bytes are here, or on their way, of an upload of which nobody knows how many will come."""
        known = (uploads.c.id == upload_id, uploads.c.state == "waiting", uploads.c.expected_bytes.is_(None))
        await self._connection.execute(update(uploads).where(*known).values(size_bytes=size_bytes))

    async def use(self, upload_id: UUID) -> bool:
        """Claim an upload whose bytes are here for a video; False if it is not there to be claimed."""
        row = update(uploads).where(uploads.c.id == upload_id, uploads.c.state.in_(("checking", "received")))
        return (await self._connection.execute(row.values(state="used"))).rowcount == 1

    async def abandon(self, upload_id: UUID) -> bool:
        """Give up an upload that no video uses; False if there is none such. From now on it looks as if gone."""
        row = update(uploads).where(uploads.c.id == upload_id, uploads.c.state.in_(_UNUSED))
        return (await self._connection.execute(row.values(state="abandoned"))).rowcount == 1

    async def abandon_old(self, *, older_than_s: float, limit: int) -> Sequence[UUID]:
        """Give up uploads that no video came to use; returns these, and those whose removal was begun before.

        One that comes in pieces is as old as its last piece.
        """
        expired = func.now() - timedelta(seconds=older_than_s)
        moving = exists().where(transfers.c.upload_id == uploads.c.id, transfers.c.touched_at >= expired)
        old = uploads.c.state.in_(_OLD) & (uploads.c.created_at < expired) & ~moving
        some = (
            select(uploads.c.id)
            .where(uploads.c.state != "used", or_(old, uploads.c.state == "abandoned"))
            .order_by(uploads.c.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        row = update(uploads).where(uploads.c.id.in_(some)).values(state="abandoned").returning(uploads.c.id)
        return list((await self._connection.execute(row)).scalars())

    async def abandon_all(self, upload_ids: Sequence[UUID]) -> None:
        """Give up uploads that another one was made of."""
        row = update(uploads).where(uploads.c.id.in_(upload_ids), uploads.c.state == "waiting")
        await self._connection.execute(row.values(state="abandoned"))

    async def missing(self, upload_ids: Sequence[UUID]) -> Sequence[UUID]:
        """Those of these ids that no upload has."""
        found = await self._connection.execute(select(uploads.c.id).where(uploads.c.id.in_(upload_ids)))
        there = set(found.scalars())
        return [upload_id for upload_id in upload_ids if upload_id not in there]

    async def forget(self, upload_ids: Sequence[UUID]) -> None:
        """Forget abandoned uploads, once their bytes are gone."""
        gone = uploads.c.id.in_(upload_ids) & (uploads.c.state == "abandoned")
        await self._connection.execute(delete(uploads).where(gone))

    async def erase(self, upload_id: UUID) -> None:
        """Forget an upload, whatever became of it."""
        await self._connection.execute(delete(uploads).where(uploads.c.id == upload_id))


class PostgresVideos:
    """Videos of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, video: Video) -> None:
        """Record a video."""
        await self._connection.execute(insert(videos).values(asdict(video)))

    async def get(self, video_id: UUID, *, lock: bool = False) -> Video | None:
        """One video; locked, nobody else changes it before this transaction ends."""
        if not lock:
            found = await fetch(self._connection, _VIDEO, id=video_id)
            return _video(found[0]) if found else None
        query = select(videos).where(videos.c.id == video_id).with_for_update()
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _video(row)

    async def of_upload(self, upload_id: UUID) -> Video | None:
        """The video that was made of an upload, locked."""
        query = select(videos).where(videos.c.upload_id == upload_id).with_for_update()
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _video(row)

    async def twin(self, sha256: str, *, lock: bool = False) -> Video | None:
        """The first video there is of these bytes, and that still has all one needs of them."""
        whole = videos.c.original_deleted_at.is_(None) & videos.c.copies_deleted_at.is_(None)
        there = whole & videos.c.state.in_(("ingesting", "ready"))
        same = (videos.c.sha256 == sha256) & there
        query = select(videos).where(same).order_by(videos.c.id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).mappings().first()
        return None if row is None else _video(row)

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Video]:
        """The newest videos that are not erased, older than the one named ``before``."""
        if before is None:
            rows = await fetch(self._connection, _NEWEST_VIDEOS, limit=limit)
        else:
            rows = await fetch(self._connection, _OLDER_VIDEOS, limit=limit, before=before)
        return [_video(row) for row in rows]

    async def save(self, video: Video) -> None:
        """Overwrite what may change of a video."""
        values = asdict(video)
        row = update(videos).where(videos.c.id == values.pop("id"))
        await self._connection.execute(row.values(values))


class PostgresScripts:
    """Scripts of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def announce(self, script: Script) -> None:
        """Note that the text of a script is about to be stored; nobody else sees it yet."""
        await self._connection.execute(insert(scripts).values(**asdict(script), pending=True))

    async def record(self, script_id: UUID) -> bool:
        """Make an announced script one that is there; False if it was forgotten meanwhile."""
        row = update(scripts).where(scripts.c.id == script_id, scripts.c.pending).values(pending=False)
        return (await self._connection.execute(row)).rowcount == 1

    async def announced_long_ago(self, *, older_than_s: float, limit: int) -> Mapping[UUID, str]:
        """Scripts that were announced and never recorded, locked, with the keys of their texts."""
        old = scripts.c.pending & (scripts.c.created_at < func.now() - timedelta(seconds=older_than_s))
        some = select(scripts.c.id, scripts.c.key).where(old).limit(limit).with_for_update(skip_locked=True)
        return {row.id: row.key for row in await self._connection.execute(some)}

    async def forget(self, script_ids: Iterable[UUID]) -> None:
        """Forget announced scripts, once their texts are gone."""
        gone = scripts.c.id.in_(list(script_ids)) & scripts.c.pending
        await self._connection.execute(delete(scripts).where(gone))

    async def get(self, script_id: UUID) -> Script | None:
        """One script."""
        known = (scripts.c.id == script_id) & ~scripts.c.pending
        row = (await self._connection.execute(select(scripts).where(known))).mappings().one_or_none()
        return None if row is None else _script(row)

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Script]:
        """The newest scripts, older than the one named ``before``."""
        query = select(scripts).where(~scripts.c.pending).order_by(scripts.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(scripts.c.id < before)
        return [_script(row) for row in (await self._connection.execute(query)).mappings()]


def _without_tenant(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "tenant_id"}


def _upload(row: Mapping[Any, Any]) -> Upload:
    values = {name: value for name, value in _without_tenant(row).items() if name != "writer"}
    return Upload(**{**values, "failure": _rejection(values["failure"])})


def _rejection(values: Mapping[str, str] | None) -> Rejection | None:
    return None if values is None else Rejection(**values)


def _script(row: Mapping[Any, Any]) -> Script:
    values = _without_tenant(row)
    values.pop("pending")
    return Script(**values)


def _video(row: Mapping[Any, Any]) -> Video:
    values = _without_tenant(row)
    values["rejection"] = _rejection(values["rejection"])
    return Video(**values)
