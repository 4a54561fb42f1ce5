"""What a job left behind, by name."""

import mimetypes
from dataclasses import dataclass
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs, BlobStat, InvalidKey
from chassis.database import Database
from gateway.domain.access import Caller
from gateway.domain.jobs import Job
from gateway.domain.refusals import NotFound, NotReady
from gateway.ports import RecordsOn
from gateway.usecases.findings import require_held

__all__ = ["Result", "Results", "content_type_of"]

_TYPES = {
    ".json": "application/json",
    ".otio": "application/json",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt",
    ".ass": "text/x-ssa",
    ".ttml": "application/ttml+xml",
    ".csv": "text/csv; charset=utf-8",
    ".textgrid": "text/plain; charset=utf-8",
    ".edl": "text/plain; charset=utf-8",
    ".fountain": "text/plain; charset=utf-8",
    ".xml": "application/xml",
    ".fcpxml": "application/xml",
    ".mp4": "video/mp4",
    ".mkv": "video/x-matroska",
    ".jpg": "image/jpeg",
    ".png": "image/png",
}


@dataclass(frozen=True, slots=True)
class Result:
    """A blob with a name people know it by."""

    name: str
    key: str
    content_type: str
    stat: BlobStat


class Results:
    """Finds the blobs behind the names."""

    def __init__(self, database: Database, blobs: Blobs, records_on: RecordsOn) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on

    async def of_job(self, caller: Caller, job_id: UUID) -> list[Result]:
        """Everything a job has left so far, in the order of names. Raises NotFound."""
        _, keys = await self._keys(caller, job_id)
        found: list[Result] = []
        for name, key in keys.items():
            if not name.endswith("/"):
                found += await self._present(name, key)
                continue
            async for member in self._blobs.list(key):
                found += await self._present(name + member.removeprefix(key), member)
        return sorted(found, key=lambda result: result.name)

    async def named(self, caller: Caller, job_id: UUID, name: str) -> Result:
        """One result. Raises NotFound, NotReady, Gone."""
        job, keys = await self._keys(caller, job_id)
        key = keys.get(name) if not name.endswith("/") else None
        folder, slash, member = name.rpartition("/")
        if key is None and slash and folder + slash in keys:
            key = keys[folder + slash] + member
        present = await self._present(name, key) if key is not None else []
        if not present:
            await self._require_held(caller, job, name)
            raise NotReady(f"this job has no result {name!r} (yet); it is {job.state}")
        return present[0]

    async def _require_held(self, caller: Caller, job: Job, name: str) -> None:
        """Raise Gone for a name under which there was something."""
        async with self._database.read(caller.tenant_id) as connection:
            records = self._records_on(connection)
            for finding in await records.findings.deleted(job_id=job.id):
                names = finding.summary["names"]
                if name in names or any(folder.endswith("/") and name.startswith(folder) for folder in names):
                    await require_held(records, finding)

    async def blob(self, key: str, *, name: str) -> Result:
        """A blob that is no job's, under a name. Raises NotFound."""
        present = await self._present(name, key)
        if not present:
            raise NotFound(f"there is no {name} any more")
        return present[0]

    async def _keys(self, caller: Caller, job_id: UUID) -> tuple[Job, dict[str, str]]:
        async with self._database.read(caller.tenant_id) as connection:
            records = self._records_on(connection)
            job = await records.jobs.get(job_id)
            video = await records.videos.get(job.video_id) if job is not None else None
        if job is None:
            raise NotFound("there is no such job")
        media = video.keys.get("media") if video is not None else None
        return job, {**({"media.json": media} if media else {}), **job.results}

    async def _present(self, name: str, key: str) -> list[Result]:
        try:
            stat = await self._blobs.stat(key)
        except (BlobNotFound, InvalidKey):
            return []
        return [Result(name, key, content_type_of(name), stat)]


def content_type_of(name: str) -> str:
    """The media type of a result, by its name's ending."""
    ending = f".{name.rpartition('.')[2].lower()}"
    return _TYPES.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
