"""What jobs found: listed, read."""

from collections.abc import Sequence
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database
from gateway.domain.access import Caller
from gateway.domain.findings import NAMES, Finding, Kind, Narrowed
from gateway.domain.held import CLASS_OF, Deletion, gone
from gateway.domain.refusals import NotFound, NotReady
from gateway.ports import Records, RecordsOn

__all__ = ["Findings", "deletion_of", "require_held"]


class Findings:
    """Finds what jobs found."""

    def __init__(self, database: Database, blobs: Blobs, records_on: RecordsOn) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on

    async def page(
        self, caller: Caller, kind: Kind, narrowed: Narrowed, *, before: UUID | None, limit: int
    ) -> Sequence[Finding]:
        """The newest, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            findings = self._records_on(connection).findings
            return await findings.page(kind, narrowed, before=before, limit=limit)

    async def get(self, caller: Caller, kind: Kind, id_: UUID) -> Finding:
        """One, by its own id or its job's. Raises NotFound; Gone; NotReady where the job is known and has none yet."""
        async with self._database.read(caller.tenant_id) as connection:
            records = self._records_on(connection)
            finding = await records.findings.get(kind, id_)
            if finding is not None:
                await require_held(records, finding)
            job = await records.jobs.get(id_) if finding is None else None
        if finding is not None:
            return finding
        if job is not None:
            raise NotReady(f"this job has no {NAMES[kind]} (yet); it is {job.state}")
        raise NotFound(f"there is no such {NAMES[kind]}")

    async def document(self, finding: Finding) -> bytes:
        """Its document, as it was stored. Raises NotFound once it was erased."""
        try:
            return await self._blobs.get_bytes(finding.key)
        except BlobNotFound:
            raise NotFound(f"there is no such {NAMES[finding.kind]} any more") from None


async def deletion_of(records: Records, finding: Finding) -> Deletion | None:
    """How a finding was deleted; None for one that is there."""
    if finding.deleted_at is None or finding.erasure_id is None:
        return None
    erasure = await records.erasures.get(finding.erasure_id)
    return Deletion(finding.deleted_at, erasure.reason if erasure else "asked", finding.erasure_id)


async def require_held(records: Records, finding: Finding) -> None:
    """Raise Gone for a finding that was deleted."""
    deletion = await deletion_of(records, finding)
    if deletion is not None:
        raise gone(f"the {NAMES[finding.kind]}", CLASS_OF[finding.kind], deletion)
