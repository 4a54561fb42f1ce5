"""Alignments as people say they are: read with their corrections, corrected, undone, exported."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from contracts import uuid7
from contracts.documents import Conflict, Corrected, Correction, Ledger, Scene, Scenes, corrected
from contracts.gateway import AlignmentCorrected
from gateway.domain.access import Caller
from gateway.domain.findings import Finding
from gateway.domain.refusals import ChangedMeanwhile, ExportPending, InvalidRequest, NotFound, NothingToUndo
from gateway.domain.reviews import AdLibChange, Change, LineChange, Revision, changes_of, restoring
from gateway.ports import Records, RecordsOn
from gateway.usecases.findings import Findings, require_held
from gateway.usecases.results import Result, Results

__all__ = ["Reviewed", "Reviews", "tag_of"]

Matches = Callable[[str], bool]
"""Whether a tag is the one that somebody read."""
_EXPORT_AGAIN_S = 1


@dataclass(frozen=True, slots=True)
class Reviewed:
    """An alignment with what people say of it."""

    finding: Finding
    revision: int
    ledger: Ledger
    corrections: Sequence[Correction]
    conflicts: Sequence[Conflict]


def tag_of(finding: Finding, revision: int) -> str:
    """What changes whenever the alignment does, or what people say of it."""
    return f"{finding.id.hex}-{finding.run}-{revision}"


class Reviews:
    """What people do with alignments."""

    def __init__(
        self, database: Database, blobs: Blobs, records_on: RecordsOn, findings: Findings, results: Results
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._findings = findings
        self._results = results

    async def find(self, caller: Caller, id_: UUID) -> tuple[Finding, int]:
        """An alignment by its own id or its job's, and its revision. Raises NotFound, NotReady."""
        finding = await self._findings.get(caller, "alignment", id_)
        async with self._database.read(caller.tenant_id) as connection:
            return finding, await self._records_on(connection).reviews.revision(finding.video_id, _script_of(finding))

    async def read(self, caller: Caller, id_: UUID) -> Reviewed:
        """An alignment with its corrections. Raises NotFound, NotReady."""
        finding = await self._findings.get(caller, "alignment", id_)
        script_id = _script_of(finding)
        async with self._database.read(caller.tenant_id) as connection:
            reviews = self._records_on(connection).reviews
            revision = await reviews.revision(finding.video_id, script_id)
            said = await reviews.said(finding.video_id, script_id)
        content = await self._findings.document(finding)
        scenes = await self._scenes(caller, finding) if any(one.take or one.times for one in said.values()) else ()
        done = await asyncio.to_thread(_corrected, content, said, scenes)
        return Reviewed(finding, revision, done.ledger, tuple(said.values()), done.conflicts)

    async def correct(
        self,
        caller: Caller,
        id_: UUID,
        lines: Sequence[LineChange],
        ad_libs: Sequence[AdLibChange],
        *,
        matches: Matches,
    ) -> Reviewed:
        """Say what became of lines. Raises NotFound, NotReady, ChangedMeanwhile, InvalidRequest."""
        finding = await self._findings.get(caller, "alignment", id_)
        ledger = await asyncio.to_thread(Ledger.model_validate_json, await self._findings.document(finding))
        async with self._database.begin(caller.tenant_id) as work:
            records = self._records_on(work.connection)
            revision = await self._hold(records, finding, matches)
            known = await records.reviews.said(finding.video_id, _script_of(finding))
            changes = changes_of(ledger, known, lines, ad_libs, by=caller.user_id, at=datetime.now(UTC))
            await _record(work, records, finding, revision + 1, "correction", caller.user_id, changes)
        return await self.read(caller, id_)

    async def undo(self, work: UnitOfWork, caller: Caller, id_: UUID, *, matches: Matches) -> tuple[Finding, Revision]:
        """Take back the newest change that stands. Raises NotFound, Gone, ChangedMeanwhile, NothingToUndo."""
        records = self._records_on(work.connection)
        finding = await records.findings.get("alignment", id_)
        if finding is None:
            raise NotFound("there is no such alignment")
        await require_held(records, finding)
        revision = await self._hold(records, finding, matches)
        undone = await records.reviews.to_undo(finding.video_id, _script_of(finding))
        if undone is None:
            raise NothingToUndo("nobody has changed anything that is not taken back already")
        changes = restoring(undone.changes, by=caller.user_id, at=datetime.now(UTC))
        made = await _record(
            work, records, finding, revision + 1, "undo", caller.user_id, changes, undoes=undone.revision
        )
        return finding, made

    async def history(self, caller: Caller, id_: UUID, *, before: UUID | None, limit: int) -> Sequence[Revision]:
        """Who changed what, newest first. Raises NotFound, NotReady."""
        finding = await self._findings.get(caller, "alignment", id_)
        async with self._database.read(caller.tenant_id) as connection:
            reviews = self._records_on(connection).reviews
            return await reviews.history(finding.video_id, _script_of(finding), before=before, limit=limit)

    async def export(self, caller: Caller, id_: UUID, format: str) -> Result:
        """An export with all corrections in it. Raises NotFound, NotReady, InvalidRequest, ExportPending."""
        finding, revision = await self.find(caller, id_)
        key = finding.files.get(format)
        if key is None:
            known = ", ".join(sorted(finding.files))
            raise InvalidRequest(f"there is no such export; choose from {known}", field="format")
        if finding.revision < revision:
            raise ExportPending(
                f"the corrections up to revision {revision} are being written into the exports; ask again",
                retry_after_s=_EXPORT_AGAIN_S,
            )
        return await self._results.blob(key, name=key.rpartition("/")[2])

    async def _hold(self, records: Records, finding: Finding, matches: Matches) -> int:
        """The revision, which is ours to follow; the video cannot be erased meanwhile."""
        video = await records.videos.get(finding.video_id, lock=True)
        if video is None or video.state == "erased":
            raise NotFound("there is no such alignment")
        await records.reviews.hold(finding.video_id, _script_of(finding))
        revision = await records.reviews.revision(finding.video_id, _script_of(finding))
        if not matches(tag_of(finding, revision)):
            raise ChangedMeanwhile(f"this alignment is at revision {revision} by now; read it again")
        return revision

    async def _scenes(self, caller: Caller, finding: Finding) -> Sequence[Scene]:
        async with self._database.read(caller.tenant_id) as connection:
            scenes = await self._records_on(connection).findings.get("scenes", finding.job_id)
        if scenes is None or scenes.deleted_at is not None:
            return ()
        return Scenes.model_validate_json(await self._findings.document(scenes)).scenes


async def _record(
    work: UnitOfWork,
    records: Records,
    finding: Finding,
    number: int,
    kind: Literal["correction", "undo"],
    user_id: UUID,
    changes: Sequence[Change],
    *,
    undoes: int | None = None,
) -> Revision:
    script_id = _script_of(finding)
    revision = Revision(
        id=uuid7(),
        video_id=finding.video_id,
        script_id=script_id,
        revision=number,
        kind=kind,
        user_id=user_id,
        changes=changes,
        created_at=datetime.now(UTC),
        undoes=undoes,
    )
    await records.reviews.record(revision)
    fact = AlignmentCorrected(
        video_id=finding.video_id,
        script_id=script_id,
        revision=number,
        changes=tuple(change.after.model_copy(update={"by": None}) for change in changes),  # who is ours alone to know
    )
    await work.announce(fact, subject=finding.video_id)
    return revision


def _corrected(content: bytes, said: Mapping[str, Correction], scenes: Sequence[Scene]) -> Corrected:
    return corrected(Ledger.model_validate_json(content), said.values(), scenes)


def _script_of(finding: Finding) -> UUID:
    assert finding.script_id is not None, "an alignment has a script"
    return finding.script_id
