"""Ledgers go job by job, what people said of lines stays, and nobody waits for a transcript that is deleted."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from align.main import build
from align.settings import Settings
from chassis.run import Service
from chassis.testing import Harness, harness
from contracts.align import AlignmentReady, AlignmentRevised
from contracts.documents import Correction, Ledger, line_keys
from contracts.gateway import AlignmentCorrected
from contracts.retention import ResultsErased, TranscriptsErased
from contracts.steps import Step, StepFailed
from contracts.traces import TracesErased
from support.align_service import a_job, a_script, a_transcript, a_video, words_of

pytestmark = pytest.mark.servers
SCRIPT = "The harbour was quiet before the storm came in.\nNobody had seen the lighthouse keeper since Tuesday.\n"


@pytest.fixture
async def service(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Harness]:
    cache = tmp_path_factory.getbasetemp() / "models"

    async def here(function: Any, *args: Any, **_: Any) -> Any:
        return function(*args)  # its own process has its own tests

    def built(settings: Settings) -> Service:
        return build(settings, call=here)

    async with harness("align", built, settings=Settings, admin_url=postgres_url, cache_dir=cache) as running:
        yield running


async def aligned(service: Harness, video_id: UUID, script_id: UUID) -> UUID:
    """A job that has its ledger."""
    job_id = uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await service.hear(a_video(video_id), subject=video_id)
    await service.hear(a_job(video_id, script_id), subject=video_id, job_id=job_id)
    transcript = await a_transcript(service, video_id, words_of("The harbour was quiet before the storm came in."))
    await service.hear(transcript, subject=video_id, job_id=job_id)
    await service.work_off()
    return job_id


async def said(service: Harness, video_id: UUID, script_id: UUID, revision: int, **change: Any) -> None:
    """Somebody says something of the first line."""
    ready = service.facts(AlignmentReady)[-1]
    ledger = Ledger.model_validate_json(await service.blobs.get_bytes(ready.machine_key or ready.key))
    line_id = ledger.lines[0].line_id
    correction = Correction.model_validate({"key": line_keys(ledger)[line_id], "line_id": line_id, **change})
    fact = AlignmentCorrected(video_id=video_id, script_id=script_id, revision=revision, changes=(correction,))
    await service.hear(fact, subject=video_id)


async def test_a_jobs_ledger_goes_and_what_people_said_is_in_the_next_one(service: Harness) -> None:
    video_id, script_id = uuid4(), uuid4()
    old = await aligned(service, video_id, script_id)
    await said(service, video_id, script_id, 1, note="she says: harbor", status="paraphrased")
    await service.work_off()
    written = [key async for key in service.blobs.list("derived/") if "alignment" in key]

    fact = ResultsErased(video_id=video_id, erasure_id=uuid4(), job_ids=(old,))
    await service.hear(fact, subject=video_id)
    await service.work_off()
    left = [key async for key in service.blobs.list("derived/") if "alignment" in key]
    young = await aligned(service, video_id, script_id)

    async with service.database.begin(service.tenant_id) as work:
        statement = "SELECT job_id FROM alignments UNION SELECT job_id FROM lines"
        rows = set((await work.connection.execute(text(statement))).scalars())
    [told] = service.facts(TracesErased)
    assert left == []
    assert rows == {young}
    assert (told.erasure_id, told.rows) == (fact.erasure_id, {"alignments": 1, "lines": 2})
    assert told.blobs == {"derived/alignment": len(written)}
    assert {key.rpartition("/")[2] for key in written} >= {"ledger.json", "script.srt", "timeline.otio"}
    ledger = Ledger.model_validate_json(await service.blobs.get_bytes(service.facts(AlignmentReady)[-1].key))
    assert (ledger.lines[0].review, ledger.lines[0].status) == ("corrected", "paraphrased")


async def test_a_ledger_is_corrected_when_its_transcript_is_deleted_and_none_is_made_without_one(
    service: Harness,
) -> None:
    video_id, script_id = uuid4(), uuid4()
    job_id = await aligned(service, video_id, script_id)
    before = await service.blobs.get_bytes(service.facts(AlignmentReady)[-1].exports["otio"])
    await service.blobs.delete(f"derived/t/{video_id}/transcript-1/transcript.json")  # its keeper was faster

    await said(service, video_id, script_id, 1, note="before we heard of it")
    await service.work_off()
    fact = TranscriptsErased(video_id=video_id, erasure_id=uuid4(), job_ids=(job_id,))
    await service.hear(fact, subject=video_id)
    await said(service, video_id, script_id, 2, note="afterwards")
    await service.work_off()
    again = a_job(video_id, script_id, Step.ALIGNMENT, run=2)
    await service.hear(again, subject=video_id, job_id=job_id)
    await service.work_off()

    revised = service.facts(AlignmentRevised)
    [told], [failed] = service.facts(TracesErased), service.facts(StepFailed)
    assert [one.revision for one in revised] == [1, 2]
    assert b'"duration"' in before
    assert (told.erasure_id, told.rows) == (fact.erasure_id, {"steps": 1})
    assert (failed.step, failed.reason) == (Step.ALIGNMENT, "transcript_failed")


async def test_an_alignment_that_is_deleted_while_it_is_written_again_leaves_nothing(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp() / "models"
    erase: list[Any] = []

    async def here(function: Any, *args: Any, **_: Any) -> Any:
        done = function(*args)
        for one in erase:
            await one()
        return done

    def built(settings: Settings) -> Service:
        return build(settings, call=here)

    async with harness("align", built, settings=Settings, admin_url=postgres_url, cache_dir=cache) as service:
        video_id, script_id = uuid4(), uuid4()
        job_id = await aligned(service, video_id, script_id)
        fact = ResultsErased(video_id=video_id, erasure_id=uuid4(), job_ids=(job_id,))

        async def deleted() -> None:
            erase.clear()
            await service.hear(fact, subject=video_id)
            async for key in service.blobs.list(f"derived/{service.tenant_id}/"):
                await service.blobs.delete(key)  # as the task will, which another worker has taken

        await said(service, video_id, script_id, 1, note="meanwhile")
        erase.append(deleted)
        await service.work_off()

        assert service.facts(AlignmentRevised) == []
        assert [one.erasure_id for one in service.facts(TracesErased)] == [fact.erasure_id]
        assert [key async for key in service.blobs.list(f"derived/{service.tenant_id}/")] == []
