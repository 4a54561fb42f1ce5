"""What is in an export: each kind of thing as the API shows it, and the files."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.postgres.holdings import PostgresHoldings
from gateway.api import UseCases
from gateway.api.audit_schemas import entry_view
from gateway.api.erasure_schemas import erasure_view
from gateway.api.logo_schemas import logo_view
from gateway.api.views import api_key_view, job_view, script_view, user_view, video_view
from gateway.api.webhook_schemas import webhook_view
from gateway.domain.access import Caller
from gateway.domain.audit import AuditFilter
from gateway.domain.findings import Narrowed
from gateway.usecases.exports import File, MakeExport, Resource

__all__ = ["exporter_of"]

_PAGE = 200
_WRITTEN = ("application/json", "text/", "application/x-subrip")


def exporter_of(database: Database, blobs: Blobs, given: UseCases) -> MakeExport:
    """Who makes exports."""
    return MakeExport(database, blobs, PostgresRecords, _resources(given), PostgresHoldings(database), _Files(given))


def _resources(given: UseCases) -> Sequence[Resource]:
    def of(name: str, page: Callable[..., Awaitable[Sequence[Any]]], view: Callable[[Any], Any]) -> Resource:
        async def paged(caller: Caller, before: UUID | None, limit: int) -> Sequence[Any]:
            return await page(caller, before=before, limit=limit)

        return Resource(name, paged, lambda one: view(one).model_dump_json())

    async def jobs(caller: Caller, *, before: UUID | None, limit: int) -> Sequence[Any]:
        return await given.jobs.page(caller, Narrowed(), before=before, limit=limit)

    async def audit(caller: Caller, *, before: UUID | None, limit: int) -> Sequence[Any]:
        return await given.audit.page(caller, AuditFilter(), before=before, limit=limit)

    return (
        of("users", given.accounts.users.page, user_view),
        of("api_keys", given.accounts.api_keys.page, api_key_view),
        of("webhooks", given.webhooks.page, lambda webhook: webhook_view(webhook, now=datetime.now(UTC))),
        of("logos", given.library.logos.page, logo_view),
        of("videos", given.videos.page, video_view),
        of("scripts", given.scripts.page, script_view),
        of("jobs", jobs, job_view),
        of("erasures", given.erasing.erasures.page, erasure_view),
        of("audit", audit, entry_view),
    )


class _Files:
    """Scripts, what jobs left behind, originals with what was made of them at once, and logos."""

    def __init__(self, given: UseCases) -> None:
        self._given = given

    async def __call__(self, caller: Caller) -> AsyncIterator[File]:
        """All of them, a page of things at a time."""
        given = self._given
        async for script in _each(given.scripts.page, caller):
            yield File(f"scripts/{script.id}/{_plain(script.filename)}", script.key, media=False)
        async for logo in _each(given.library.logos.page, caller):
            yield File(f"logos/{logo.id}.{logo.format}", logo.key, media=True)
        async for video in _each(given.videos.page, caller):
            if "original" in video.keys:
                yield File(f"videos/{video.id}/{_plain(video.filename)}", video.keys["original"], media=True)
            for name in sorted(video.keys.keys() - {"original", "upload"}):
                key = video.keys[name]
                yield File(f"videos/{video.id}/made/{_plain(key.rpartition('/')[2])}", key, media=name != "media")

        async def jobs(caller: Caller, *, before: UUID | None, limit: int) -> Sequence[Any]:
            return await given.jobs.page(caller, Narrowed(), before=before, limit=limit)

        async for job in _each(jobs, caller):
            for result in await given.results.of_job(caller, job.id):
                media = not result.content_type.startswith(_WRITTEN)
                yield File(f"jobs/{job.id}/{result.name}", result.key, media=media)


async def _each(page: Callable[..., Awaitable[Sequence[Any]]], caller: Caller) -> AsyncIterator[Any]:
    before: UUID | None = None
    while True:
        found = await page(caller, before=before, limit=_PAGE)
        for one in found:
            yield one
        if len(found) < _PAGE:
            return
        before = found[-1].id


def _plain(filename: str) -> str:
    """A name that leads nowhere else, whoever unpacks it: what clients call their files is theirs to choose."""
    name = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in filename).strip(". ")
    return name or "unnamed"
