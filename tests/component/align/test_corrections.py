"""What people say of lines gets into the ledger, its exports, and into those of every later run."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from align.adapters.film import align_film
from align.main import build
from align.settings import Settings
from chassis.blobs import BlobNotFound
from chassis.run import Service
from chassis.testing import Harness, harness
from contracts.align import AlignmentReady, AlignmentRevised
from contracts.documents import Correction, Ledger, Span, line_keys
from contracts.gateway import AlignmentCorrected, JobCancelled, VideoErased
from support.align_service import a_job, a_script, a_transcript, words_of

pytestmark = pytest.mark.servers

SCRIPT = """The harbour was quiet before the storm came in.
Nobody had seen the lighthouse keeper since Tuesday morning.
His boat was still tied to the long wooden pier.
"""
FILM = ("The harbour was quiet before the storm came in.", "His boat was still tied to the long wooden pier.")


@pytest.fixture
async def service(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Harness]:
    cache = tmp_path_factory.getbasetemp() / "models"

    async def here(function: Any, *args: Any, **_: Any) -> Any:
        return function(*args)  # its own process has its own tests

    def built(settings: Settings) -> Service:
        return build(settings, call=here)

    async with harness("align", built, settings=Settings, admin_url=postgres_url, cache_dir=cache) as running:
        yield running


async def begun(service: Harness, video_id: UUID, script_id: UUID, *, run: int = 1) -> UUID:
    """A job whose alignment is queued."""
    job_id = uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await service.hear(a_job(video_id, script_id), subject=video_id, job_id=job_id)
    transcript = await a_transcript(service, video_id, words_of(*FILM), run=run)
    await service.hear(transcript, subject=video_id, job_id=job_id)
    return job_id


async def ledger_at(service: Harness, key: str) -> Ledger:
    return Ledger.model_validate_json(await service.blobs.get_bytes(key))


async def corrected(
    service: Harness, video_id: UUID, script_id: UUID, revision: int, line: int, **said: Any
) -> AlignmentCorrected:
    """Somebody says something of a line of the script above."""
    ready = service.facts(AlignmentReady)[0]
    ledger = await ledger_at(service, ready.machine_key or ready.key)
    line_id = ledger.lines[line - 1].line_id
    change = Correction.model_validate({"key": line_keys(ledger)[line_id], "line_id": line_id, **said})
    fact = AlignmentCorrected(video_id=video_id, script_id=script_id, revision=revision, changes=(change,))
    await service.hear(fact, subject=video_id)
    return fact


async def test_a_correction_is_written_into_the_ledger_and_its_exports(service: Harness) -> None:
    video_id, script_id = uuid4(), uuid4()
    job_id = await begun(service, video_id, script_id)
    await service.work_off()

    await corrected(service, video_id, script_id, 1, 2, times=Span(start=20.0, end=24.0))
    await service.work_off()

    (ready,), (revised,) = service.facts(AlignmentReady), service.facts(AlignmentRevised)
    assert service.announced[-1].jobid == job_id
    assert (revised.revision, revised.run, revised.conflicts) == (1, 1, 0)
    before, after = await ledger_at(service, ready.key), await ledger_at(service, revised.key)
    assert [line.status for line in before.lines] == ["spoken", "omitted", "spoken"]
    assert [line.status for line in after.lines] == ["spoken", "spoken", "spoken"]
    assert {"srt", "vtt", "otio", "edl"} <= set(revised.exports) == set(ready.exports)
    subtitles = (await service.blobs.get_bytes(revised.exports["srt"])).decode()
    assert "00:00:20,000 --> 00:00:24,000\nNobody had seen the lighthouse keeper" in subtitles
    assert b"Nobody had seen" not in await service.blobs.get_bytes(ready.exports["srt"])


async def test_a_later_run_keeps_what_people_said(service: Harness) -> None:
    video_id, script_id = uuid4(), uuid4()
    await begun(service, video_id, script_id)
    await service.work_off()
    await corrected(service, video_id, script_id, 1, 1, status="paraphrased", note="she says: harbor")
    await service.work_off()

    await begun(service, video_id, script_id)
    await service.work_off()

    later = service.facts(AlignmentReady)[1]
    assert (later.revision, later.conflicts) == (1, 0)
    assert [line.review for line in (await ledger_at(service, later.key)).lines] == ["corrected", "open", "open"]
    assert [line.status for line in (await ledger_at(service, later.machine_key)).lines] == [
        "spoken",
        "omitted",
        "spoken",
    ]


async def test_changes_heard_in_any_order_end_the_same_and_a_gap_is_waited_for(service: Harness) -> None:
    video_id, script_id = uuid4(), uuid4()
    await begun(service, video_id, script_id)
    await service.work_off()

    await corrected(service, video_id, script_id, 2, 1, status="partial")
    waited = await service.work_off()
    first = await corrected(service, video_id, script_id, 1, 1, status="moved")
    await service.hear(first, subject=video_id)
    await service.work_off()

    (revised,) = service.facts(AlignmentRevised)
    assert (waited, revised.revision) == (0, 2)
    assert (await ledger_at(service, revised.key)).lines[0].status == "partial"


async def test_what_is_taken_back_is_as_the_machine_has_it_and_old_revisions_go(service: Harness) -> None:
    video_id, script_id = uuid4(), uuid4()
    await begun(service, video_id, script_id)
    await service.work_off()

    for number, said in enumerate(({"status": "moved"}, {"status": "partial"}, {}), 1):
        await corrected(service, video_id, script_id, number, 1, **said)
        await service.work_off()

    (ready,), facts = service.facts(AlignmentReady), service.facts(AlignmentRevised)
    assert [fact.revision for fact in facts] == [1, 2, 3]
    assert await ledger_at(service, facts[2].key) == await ledger_at(service, ready.key)
    assert (await ledger_at(service, facts[1].key)).lines[0].status == "partial", "somebody may be reading it"
    with pytest.raises(BlobNotFound):
        await service.blobs.get_bytes(facts[0].key)


async def test_many_changes_at_once_are_written_once(service: Harness) -> None:
    video_id, script_id = uuid4(), uuid4()
    await begun(service, video_id, script_id)
    await service.work_off()

    for number, status in enumerate(("moved", "partial", "omitted"), 1):
        await corrected(service, video_id, script_id, number, 1, status=status)
    await service.work_off()

    (revised,) = service.facts(AlignmentRevised)
    assert revised.revision == 3


async def test_what_is_said_while_the_film_is_aligned_is_written_right_after(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    video_id, script_id = uuid4(), uuid4()
    running: list[Harness] = []

    async def meanwhile(function: Any, *args: Any, **_: Any) -> Any:
        (service,) = running
        done = function(*args)
        if function is align_film:
            ledger = done.ledger
            change = Correction(key=line_keys(ledger)["L01"], line_id="L01", confirmed=True)
            fact = AlignmentCorrected(video_id=video_id, script_id=script_id, revision=1, changes=(change,))
            await service.hear(fact, subject=video_id)
        return done

    def built(settings: Settings) -> Service:
        return build(settings, call=meanwhile)

    cache = tmp_path_factory.getbasetemp() / "models"
    async with harness("align", built, settings=Settings, admin_url=postgres_url, cache_dir=cache) as service:
        running.append(service)
        await begun(service, video_id, script_id)
        await service.work_off()

        (ready,), (revised,) = service.facts(AlignmentReady), service.facts(AlignmentRevised)
        assert (ready.revision, revised.revision) == (0, 1)
        assert (await ledger_at(service, revised.key)).lines[0].review == "confirmed"


async def test_a_job_that_is_called_off_keeps_an_alignment_that_stands(service: Harness) -> None:
    video_id, script_id = uuid4(), uuid4()
    job_id = await begun(service, video_id, script_id)
    await service.work_off()
    await corrected(service, video_id, script_id, 1, 1, confirmed=True)

    await service.hear(JobCancelled(video_id=video_id), subject=video_id, job_id=job_id)
    await service.work_off()

    (revised,) = service.facts(AlignmentRevised)
    assert (await ledger_at(service, revised.key)).lines[0].review == "confirmed"


async def test_an_erased_video_leaves_nothing_of_what_people_said(service: Harness) -> None:
    video_id, script_id = uuid4(), uuid4()
    await begun(service, video_id, script_id)
    await service.work_off()
    fact = await corrected(service, video_id, script_id, 1, 1, note="a secret")

    await service.hear(VideoErased(video_id=video_id), subject=video_id)
    await service.hear(fact.model_copy(update={"revision": 2}), subject=video_id)
    await service.work_off()

    assert [key async for key in service.blobs.list(f"derived/{service.tenant_id}/")] == []
    async with service.database.read(service.tenant_id) as connection:
        for table in ("alignments", "reviews", "revisions"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    assert await service.tasks() == [], "what was to be done for it is forgotten too"


async def test_who_says_something_is_not_kept_here(service: Harness) -> None:
    video_id, script_id, user_id = uuid4(), uuid4(), uuid4()
    await begun(service, video_id, script_id)
    await service.work_off()

    await corrected(service, video_id, script_id, 1, 1, note="fine", by=user_id)
    await service.work_off()

    async with service.database.read(service.tenant_id) as connection:
        [kept] = (await connection.execute(text("SELECT correction FROM reviews"))).scalars()
    assert kept["note"] == "fine"
    assert "by" not in kept
