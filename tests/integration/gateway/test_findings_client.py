"""The Python client against a gateway that really serves: what jobs found, corrections, logos."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway.domain.access import Role
from matchcut.client import ApiError, Conflict, Credentials, Matchcut, NotFound
from support.findings_rig import MOVIE, a_ledger, a_picture, everything_found, revised
from support.gateway_rig import PASSWORD
from support.gateway_served import served

OWNER = "anna@example.org"


async def test_everything_about_findings_and_logos_can_be_done_with_the_client(
    postgres_url: str, tmp_path: Path
) -> None:
    async with served(postgres_url) as (gateway, url):
        client = await gateway.client(await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER))
        job = await everything_found(gateway, client)

        await asyncio.to_thread(findings, url, job, tmp_path)
        read = await asyncio.to_thread(corrections, url, job)
        exporting = asyncio.create_task(asyncio.to_thread(export, url, job))
        await asyncio.sleep(0.2)  # it waits for the corrections meanwhile
        await revised(gateway, client, job, read)
        assert await exporting == b"srt at revision 2"
        await asyncio.to_thread(logos, url, job)


def findings(url: str, job: dict[str, Any], folder: Path) -> None:
    job_id, video_id = UUID(job["id"]), UUID(job["video_id"])
    with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as anna:
        [item] = anna.scenes.list(video_id=video_id)
        scenes = anna.scenes.get(item.id)
        assert anna.read_bytes(str(scenes.scenes[1].keyframe)) == b"\xff\xd8\x01"
        assert [one.job_id for one in anna.transcripts.list(job_id=job_id)] == [job_id]
        assert anna.transcripts.get(job_id).language == "en"
        assert anna.watermarks.get(job_id).marks == ()
        assert list(anna.watermarks.list(created_from=item.created_at.replace(year=2999))) == []
        [rendition] = anna.renditions.list()
        assert anna.renditions.get(rendition.id).passed
        assert anna.renditions.download(rendition.id, folder / "film.mp4").read_bytes() == MOVIE
        assert [one.id for one in anna.jobs(state="succeeded", video_id=video_id)] == [job_id]
        assert list(anna.jobs(state="failed", created_from=item.created_at)) == []
        with pytest.raises(Conflict):
            anna.retry(job_id, steps=["upscale"])


def corrections(url: str, job: dict[str, Any]) -> int:
    with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as anna:
        [item] = anna.alignments.list()
        read = anna.alignments.get(item.id)
        assert read.lines == a_ledger().lines
        changed = anna.alignments.correct(read, lines=[{"line_id": "L01", "status": "partial"}])
        assert changed.lines[1].status == "partial"
        with pytest.raises(ApiError, match="412"):
            anna.alignments.correct(read, lines=[{"line_id": "L01", "status": "moved"}])
        undone = anna.alignments.undo(changed)
        assert (undone.kind, undone.undoes) == ("undo", 1)
        again = anna.alignments.get(UUID(job["id"]))
        assert (again.etag, again.lines) == (undone.etag, a_ledger().lines)
        assert [one.revision for one in anna.alignments.history(item.id)] == [2, 1]
        with pytest.raises(Conflict):
            anna.alignments.export(item.id, "srt")
        return again.revision


def export(url: str, job: dict[str, Any]) -> bytes:
    with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=20) as anna:
        return anna.alignments.export(UUID(job["id"]), "srt")


def logos(url: str, job: dict[str, Any]) -> None:
    with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as anna:
        logo = anna.logos.add(a_picture(), name="channel mark")
        assert anna.logos.add(a_picture(), name="again") == logo
        assert anna.logos.get(logo.id) == logo == next(anna.logos.list())
        assert anna.logos.content(logo.id) == a_picture()
        wanted = {"logos": [str(logo.id)]}
        started = anna.start_job(UUID(job["video_id"]), steps=["watermarks"], options=wanted, priority="bulk")
        assert (started.priority, started.options["logos"]) == (
            "bulk",
            [{"id": str(logo.id), "name": "channel mark"}],
        )
        anna.logos.remove(logo.id)
        with pytest.raises(NotFound):
            anna.logos.get(logo.id)
