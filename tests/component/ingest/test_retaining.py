"""What ingest made of a video to work with goes alone; the video, its original, its measures and its poster stay."""

import hashlib
from pathlib import Path
from uuid import uuid4

import pytest

from chassis.testing import harness
from contracts.gateway import VideoErased, VideoSubmitted
from contracts.retention import CopiesErased
from contracts.traces import TracesErased
from ingest.main import build
from ingest.settings import Settings
from support.ingest_clips import make_clip

pytestmark = pytest.mark.servers


async def test_sound_proxy_and_thumbnails_go_and_what_people_see_of_a_video_stays(
    postgres_url: str, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.4).read_bytes()
    async with harness("ingest", build, settings=Settings, admin_url=postgres_url) as ingest:
        videos = [uuid4(), uuid4()]
        for video_id in videos:
            key = f"scratch/{ingest.tenant_id}/uploads/{video_id}/{uuid4()}"
            await ingest.blobs.put_bytes(key, clip)
            digest = hashlib.sha256(clip).hexdigest()
            submitted = VideoSubmitted(
                video_id=video_id, upload_key=key, filename="a.mp4", size_bytes=len(clip), sha256=digest
            )
            await ingest.hear(submitted, subject=video_id)
        await ingest.work_off()
        before = {key async for key in ingest.blobs.list("")}

        erasure_id = uuid4()
        for _ in range(2):
            fact = CopiesErased(video_id=videos[0], erasure_id=erasure_id)
            await ingest.hear(fact, subject=videos[0])
            await ingest.work_off()
        after = {key async for key in ingest.blobs.list("")}
        await ingest.hear(VideoErased(video_id=videos[0], erasure_id=uuid4()), subject=videos[0])
        await ingest.work_off()
        told = ingest.facts(TracesErased)

        folder = f"derived/{ingest.tenant_id}/{videos[0]}/"
        gone = {folder + name for name in ("audio.wav", "proxy.mp4", "thumbnails.jpg")}
        assert before - after == gone & before
        assert {folder + "media.json", folder + "poster.jpg"} <= after
        assert gone & before >= {folder + "proxy.mp4"}
        assert [(one.erasure_id, one.blobs) for one in told[:2]] == [
            (erasure_id, {key.replace(folder, "derived/"): 1 for key in gone & before}),
            (erasure_id, {}),
        ]
        assert told[2].blobs == {"derived": 2}, "the video itself can still be erased"
        assert {key async for key in ingest.blobs.list("")} == {key for key in after if not key.startswith(folder)}
