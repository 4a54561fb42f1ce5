"""What nobody comes back for: uploads without a video, answers no request will repeat, old messages, half bytes."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database
from chassis.telemetry import get_logger
from gateway.ports import Records, RecordsOn
from gateway.usecases.troubles import Troubles
from gateway.usecases.uploads import upload_folder

__all__ = ["Sweep", "Swept", "each_departed", "each_tenant"]

_log = get_logger(__name__)
_NO_TENANT = UUID(int=0)
_RECORDED_WITHIN_S = 3600.0
"""A request that stored a script records it in less time, or has died."""
_UPLOAD = re.compile(r"scratch/([0-9a-f-]{36})/uploads/([0-9a-f-]{36})/")
_TENANTS = 500
"""Tenants listed at once."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one round removed."""

    uploads: int = 0
    replies: int = 0
    scripts: int = 0
    unfinished_blobs: int = 0
    deliveries: int = 0
    strays: int = 0
    events: int = 0


class Sweep:
    """Removes what has expired, tenant by tenant, ``batch`` rows a transaction. Any replica may, at any time."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        records_on: RecordsOn,
        *,
        upload_lifetime_s: float,
        delivery_lifetime_s: float,
        event_lifetime_s: float,
        most_events: int,
        every_s: float,
        batch: int = 200,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._upload_lifetime_s = upload_lifetime_s
        self._delivery_lifetime_s = delivery_lifetime_s
        self._event_lifetime_s = event_lifetime_s
        self._most_events = most_events
        self._every_s = every_s
        self._batch = batch

    async def run(self) -> None:
        """Sweep again and again. Replicas that start together do not sweep together."""
        while True:
            await asyncio.sleep(self._every_s * random.uniform(0.5, 1.0))
            try:
                swept = await self()
            except Exception as error:  # noqa: BLE001 (what is away now is there at the next round)
                _log.warning("the sweep waits", error=repr(error))
            else:
                if swept != Swept():
                    _log.info("swept", **asdict(swept))

    async def __call__(self) -> Swept:
        """One round over all tenants. Raises the first error at the end."""
        troubles, counts = Troubles("sweep"), Counter[str]()
        chores = {
            "replies": self._forget_replies,
            "uploads": self._forget_uploads,
            "scripts": self._forget_scripts,
            "deliveries": self._forget_deliveries,
            "events": self._forget_events,
        }
        async for tenant_id in each_tenant(self._database, self._records_on):
            for name, forget in chores.items():
                with troubles.of(tenant_id):
                    counts[name] += await forget(tenant_id)
        counts["unfinished_blobs"] = await self._blobs.forget_unfinished()
        counts["strays"] = await self._forget_strays(troubles)
        troubles.tell()
        return Swept(**counts)

    async def _forget_replies(self, tenant_id: UUID) -> int:
        total = 0
        while True:
            async with self._database.begin(tenant_id) as work:
                count = await self._records_on(work.connection).replies.forget_old(limit=self._batch)
            total += count
            if count < self._batch:
                return total

    async def _forget_deliveries(self, tenant_id: UUID) -> int:
        total = 0
        while True:
            async with self._database.begin(tenant_id) as work:
                deliveries = self._records_on(work.connection).deliveries
                count = await deliveries.forget_old(older_than_s=self._delivery_lifetime_s, limit=self._batch)
            total += count
            if count < self._batch:
                return total

    async def _forget_events(self, tenant_id: UUID) -> int:
        total = 0
        while True:
            async with self._database.begin(tenant_id) as work:
                events = self._records_on(work.connection).events
                count = await events.forget_old(
                    older_than_s=self._event_lifetime_s, beyond=self._most_events, limit=self._batch
                )
            total += count
            if count < self._batch:
                return total

    async def _forget_uploads(self, tenant_id: UUID) -> int:
        """First nobody can use them any more, then their bytes go, then we forget that there were any."""
        total = 0
        while True:
            async with self._database.begin(tenant_id) as work:
                uploads = self._records_on(work.connection).uploads
                ids = await uploads.abandon_old(older_than_s=self._upload_lifetime_s, limit=self._batch)
            for upload_id in ids:
                await self._blobs.delete_prefix(upload_folder(tenant_id, upload_id))
            async with self._database.begin(tenant_id) as work:
                await self._records_on(work.connection).uploads.forget(ids)
            total += len(ids)
            if len(ids) < self._batch:
                return total

    async def _forget_strays(self, troubles: Troubles) -> int:
        """Bytes of uploads that are not there: somebody wrote them, and died, just when the upload was removed."""
        total = 0
        for tenant_id, upload_ids in (await self._stored()).items():
            with troubles.of(tenant_id):
                total += await self._forget_strays_of(tenant_id, upload_ids)
        return total

    async def _forget_strays_of(self, tenant_id: UUID, upload_ids: Collection[UUID]) -> int:
        async with self._database.read(tenant_id) as connection:
            strays = await self._records_on(connection).uploads.missing(list(upload_ids))
        for upload_id in strays:
            await self._blobs.delete_prefix(upload_folder(tenant_id, upload_id))
        return len(strays)

    async def _stored(self) -> dict[UUID, set[UUID]]:
        """The uploads of each tenant that have bytes. What has bytes was recorded before."""
        stored: dict[UUID, set[UUID]] = {}
        for keys in (self._blobs.list("scratch/"), self._blobs.list_growing("scratch/")):
            async for key in keys:
                match = _UPLOAD.match(key)
                if match is not None:
                    stored.setdefault(UUID(match[1]), set()).add(UUID(match[2]))
        return stored

    async def _forget_scripts(self, tenant_id: UUID) -> int:
        """Texts that were stored for scripts nobody recorded. Locked meanwhile, so that nobody records them now."""
        total = 0
        while True:
            async with self._database.begin(tenant_id) as work:
                scripts = self._records_on(work.connection).scripts
                found = await scripts.announced_long_ago(older_than_s=_RECORDED_WITHIN_S, limit=self._batch)
                for key in found.values():
                    await self._blobs.delete(key)
                await scripts.forget(found)
            total += len(found)
            if len(found) < self._batch:
                return total


async def each_tenant(database: Database, records_on: RecordsOn) -> AsyncIterator[UUID]:
    """Every tenant there is, a page at a time."""

    async def page(records: Records, after: UUID | None) -> Sequence[UUID]:
        return await records.people.tenant_ids(after=after, limit=_TENANTS)

    async for tenant_id in _each(database, records_on, page):
        yield tenant_id


async def each_departed(database: Database, records_on: RecordsOn) -> AsyncIterator[UUID]:
    """Every tenant that was erased and of whom something is still kept, a page at a time."""

    async def page(records: Records, after: UUID | None) -> Sequence[UUID]:
        return await records.erasures.departed(after=after, limit=_TENANTS)

    async for tenant_id in _each(database, records_on, page):
        yield tenant_id


async def _each(
    database: Database, records_on: RecordsOn, page: Callable[[Records, UUID | None], Awaitable[Sequence[UUID]]]
) -> AsyncIterator[UUID]:
    after: UUID | None = None
    while True:
        async with database.read(_NO_TENANT) as connection:
            found = await page(records_on(connection), after)
        for tenant_id in found:
            yield tenant_id
        if len(found) < _TENANTS:
            return
        after = found[-1]
