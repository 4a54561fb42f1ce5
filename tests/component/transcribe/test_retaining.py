"""The transcripts of some jobs go alone, and so do pieces of jobs that failed: others of the same video stay."""

from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.testing import Harness, harness
from contracts.gateway import JobRequested, VideoErased
from contracts.ingest import VideoIngested
from contracts.retention import IntermediatesErased, TranscriptsErased
from contracts.steps import Step
from contracts.traces import TracesErased
from contracts.transcribe import TranscriptReady
from support.transcribe_ears import SECONDS, one_word_a_piece, three_pieces
from transcribe.main import build
from transcribe.settings import Settings

pytestmark = pytest.mark.servers


def mute(video_id: UUID) -> VideoIngested:
    """A video without sound, whose transcript takes no engine."""
    return VideoIngested(
        video_id=video_id, sha256="0" * 64, original_key="original/x", media_key="media", audio_key=None,
        proxy_key="proxy", poster_key="poster", duration_s=3.0, width=320, height=180, frames=75, frame_rate="25/1",
    )  # fmt: skip


async def asked(service: Harness, video_id: UUID, job_id: UUID, *, run: int = 1) -> None:
    request = JobRequested(video_id=video_id, steps=(Step.TRANSCRIPT,), run=run)
    await service.hear(request, subject=video_id, job_id=job_id)
    await service.work_off()


async def test_the_transcripts_of_some_jobs_are_deleted_once_and_those_of_others_stay(postgres_url: str) -> None:
    async with harness("transcribe", build, settings=Settings, admin_url=postgres_url) as service:
        video_id, old, young, later = uuid4(), uuid4(), uuid4(), uuid4()
        await service.hear(mute(video_id), subject=video_id)
        for job_id in (old, young):
            await asked(service, video_id, job_id)
        fact = TranscriptsErased(video_id=video_id, erasure_id=uuid4(), job_ids=(old,))

        for _ in range(2):
            await service.hear(fact, subject=video_id)
            await service.work_off()
        await asked(service, video_id, later)

        async with service.database.begin(service.tenant_id) as work:
            left = set((await work.connection.execute(text("SELECT job_id FROM transcripts"))).scalars())
        told = service.facts(TracesErased)
        blobs = {key async for key in service.blobs.list("derived/")}
        assert left == {young, later}
        assert [(one.erasure_id, one.rows, one.blobs) for one in told] == [
            (fact.erasure_id, {"transcripts": 1}, {"derived/transcript": 1}),
            (fact.erasure_id, {"outbox": 1}, {}),  # the first answer, which nobody had sent yet
        ]
        assert blobs == {one.key for one in service.facts(TranscriptReady) if str(old) not in one.key}
        await service.hear(VideoErased(video_id=video_id, erasure_id=uuid4()), subject=video_id)
        await service.work_off()
        assert [key async for key in service.blobs.list("derived/")] == []


async def test_a_deletion_of_another_tenants_transcripts_touches_none_of_ours(postgres_url: str) -> None:
    async with harness("transcribe", build, settings=Settings, admin_url=postgres_url) as service:
        video_id, job_id = uuid4(), uuid4()
        await service.hear(mute(video_id), subject=video_id)
        await asked(service, video_id, job_id)

        fact = TranscriptsErased(video_id=video_id, erasure_id=uuid4(), job_ids=(job_id,))
        await service.hear(fact, subject=video_id, tenant_id=uuid4())
        await service.work_off()

        [ready] = service.facts(TranscriptReady)
        assert [key async for key in service.blobs.list("derived/")] == [ready.key]
        assert [one.rows for one in service.facts(TracesErased)] == [{}]


@pytest.mark.parametrize("fact_of", [IntermediatesErased, TranscriptsErased])
async def test_pieces_of_a_job_that_failed_go_and_are_heard_anew_when_it_is_asked_for_again(
    postgres_url: str, tmp_path: Path, fact_of: type[IntermediatesErased] | type[TranscriptsErased]
) -> None:
    in_pieces = partial(build, look=three_pieces, listen=one_word_a_piece)
    async with harness(
        "transcribe", in_pieces, settings=Settings, admin_url=postgres_url, cache_dir=tmp_path, piece_s=20.0
    ) as service:
        video_id, old, young = uuid4(), uuid4(), uuid4()
        (tmp_path / "broken").touch()
        await service.blobs.put_bytes("derived/audio.wav", b"sound")
        video = mute(video_id).model_copy(update={"audio_key": "derived/audio.wav", "duration_s": SECONDS})
        await service.hear(video, subject=video_id)
        for job_id in (old, young):
            await asked(service, video_id, job_id)
        before = {key async for key in service.blobs.list("scratch/")}
        erasure_id = uuid4()

        for _ in range(2):
            fact = fact_of(video_id=video_id, erasure_id=erasure_id, job_ids=(old,))
            await service.hear(fact, subject=video_id)
            await service.work_off()
        after = {key async for key in service.blobs.list("scratch/")}
        async with service.database.begin(service.tenant_id) as work:
            rows = set((await work.connection.execute(text("SELECT job_id FROM pieces"))).scalars())
        (tmp_path / "broken").unlink()
        await asked(service, video_id, old, run=2)

        gone = {key for key in before if str(old) in key}
        told = [(one.erasure_id, one.rows, one.blobs) for one in service.facts(TracesErased)]
        heard = [task for task in await service.tasks() if task["kind"] == "piece" and task["payload"]["run"] == 2]
        [ready] = service.facts(TranscriptReady)
        assert (len(gone) > 1, before - after) == (True, gone)
        assert rows == {young}
        assert told == [
            (erasure_id, {"pieces": 3}, {"scratch/transcript": len(gone)}),
            (erasure_id, {"outbox": 1}, {}),  # the first answer, which nobody had sent yet
        ]
        assert (ready.run, ready.words, len(heard)) == (2, 3, 3)
