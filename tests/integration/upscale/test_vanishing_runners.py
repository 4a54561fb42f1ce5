"""Machines vanish in the middle of their work, one comes back with what nobody wants any more, one joins late, and the
server is killed meanwhile: the film is whole all the same, and no chunk of it was accepted twice.
"""

import asyncio
import hashlib
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import redis.asyncio as redis

from chassis.blobs import blobs_at
from contracts.documents import QualityReport
from contracts.event import Fact
from contracts.gateway import JobOptions, JobRequested, UpscaleOptions
from contracts.ingest import VideoIngested
from contracts.steps import Step
from support.cutting_proxy import cutting_proxy
from support.upscale_films import BARS, flat, times_of, written
from support.upscale_house import House, house

pytestmark = [pytest.mark.servers]

FRAMES = 96
SECRET = "what signs addresses in this test"


@pytest.fixture
async def home(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with house(
        postgres_url, redis_url, tmp_path, chunk_megapixels="0.0001", preset="ultrafast", lease_s="3",
        runner_secret=SECRET, runner_lease_s="3", runner_grace_s="1", runner_straggler_s="600",
    ) as made:  # fmt: skip
        yield made


@pytest.fixture
def film(tmp_path: Path) -> Path:
    frames = [flat([(16 + 2 * number, 128, 128), *BARS[:3]], size=96) for number in range(FRAMES)]
    return written(tmp_path / "film.mp4", frames)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def at_work(name: str) -> str:
    """Whether a runner has begun a chunk and said how far it is."""
    return (
        "SELECT 1 FROM upscale.leases JOIN upscale.runners USING (runner_id)"
        f" WHERE name = '{name}' AND leases.state = 'working' AND frames_done BETWEEN 1 AND 20"
    )


def lapsed(name: str) -> str:
    """The token that a runner lost."""
    return (
        "SELECT token FROM upscale.leases JOIN upscale.runners USING (runner_id)"
        f" WHERE name = '{name}' AND leases.state = 'lapsed'"
    )


async def test_three_runners_of_which_two_vanish_make_the_whole_film_and_no_chunk_counts_twice(
    home: House, film: Path, redis_url: str, tmp_path: Path
) -> None:
    video, job, blobs = uuid4(), uuid4(), blobs_at(f"file://{tmp_path}/blobs")
    key = f"original/{home.tenant}/film"
    await blobs.put_file(key, film)
    tokens = [await home.invite() for _ in range(3)]

    async with cutting_proxy(home.url) as proxy:
        with (
            home.serving() as service,
            home.runner("killed", home.url, tokens[0], "--precision", "f32") as killed,
            home.runner("cut", proxy.url, tokens[1], "--precision", "f32") as cut,
        ):
            await home.tell(*facts(home, film, video, job))
            await home.until(at_work("killed"), within_s=90)
            killed.send_signal(signal.SIGKILL)
            await home.until(at_work("cut"), within_s=90)
            proxy.shut()
            service.send_signal(signal.SIGKILL)
            service.wait()
            with home.serving(), home.runner("late", home.url, tokens[2]) as late:
                lost = [await home.until(lapsed(name), within_s=60) for name in ("killed", "cut")]
                stale = (await home.rows("SELECT chunk_id, token FROM upscale.leases WHERE state = 'lapsed'"))[0]
                proxy.reopen()
                told = await speak_as("cut", home, stale["chunk_id"], stale["token"])
                done = "SELECT 1 FROM upscale.tasks WHERE kind = 'assemble' AND state = 'done'"
                await home.until(done, within_s=150)
                for runner in (cut, late):
                    runner.send_signal(signal.SIGTERM)
                codes = [runner.wait(30) for runner in (cut, late)]

    folder = f"derived/{home.tenant}/{job}/upscale-1/"
    report = QualityReport.model_validate_json(await blobs.get_bytes(f"{folder}qc.json"))
    assert (report.passed, report.frames_in, report.frames_out) == (True, FRAMES, FRAMES), report.failures
    assert report.pts_equal
    assert report.color_equal
    async with blobs.local(f"{folder}rendition.mp4") as rendition:
        assert times_of(rendition) == times_of(film)
    assert lost == [1, 1]
    assert told == 409
    assert codes == [0, 0]
    accepted = await home.rows("SELECT chunk_id FROM upscale.leases WHERE state = 'accepted'")
    assert len({row["chunk_id"] for row in accepted}) == len(accepted) == len(report.chunks)
    assert set((await announced(redis_url, str(job))).values()) == {1}
    assert any(chunk.machine.startswith("late") for chunk in report.chunks)
    everything = "".join(home.log(name) for name in ("service", "killed", "cut", "late"))
    secrets_of = [kept_secret(home, name) for name in ("killed", "cut", "late")]
    assert not [secret for secret in (*tokens, *secrets_of, SECRET) if secret in everything]


def facts(
    home: House, film: Path, video: UUID, job: UUID, *, frames: int = FRAMES
) -> tuple[tuple[Fact, UUID, UUID | None], ...]:
    """The film is taken in, and a job wants runners to upscale it."""
    ingested = VideoIngested(
        video_id=video, sha256=digest(film), original_key=f"original/{home.tenant}/film", media_key="media",
        audio_key=None, proxy_key="proxy", poster_key="poster", duration_s=frames / 25, width=384, height=96,
        frames=frames, frame_rate="25/1",
    )  # fmt: skip
    wanted = JobOptions(upscale=UpscaleOptions(dispatch="colab"))
    request = JobRequested(video_id=video, steps=(Step.UPSCALE,), options=wanted)
    return (ingested, video, None), (request, video, job)


def kept_secret(home: House, name: str) -> str:
    """What a runner is known by, from the file that it keeps."""
    (kept,) = (home.folder / f"of-{name}").glob("runner-*.json")
    return str(json.loads(kept.read_text())["secret"])


async def test_a_machine_that_is_told_to_go_hands_in_the_frames_it_has_and_another_makes_the_rest(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    frames = [flat([(16 + 3 * number, 128, 128), *BARS[:3]], size=96) for number in range(48)]
    film = written(tmp_path / "film.mp4", frames)
    settings = {
        "chunk_megapixels": "0.0001", "preset": "ultrafast", "runner_secret": SECRET, "runner_lease_s": "1.5",
        "runner_grace_s": "30",
    }  # fmt: skip
    half_done = at_work("leaving").replace("BETWEEN 1 AND 20", "BETWEEN 12 AND 20")

    async with house(postgres_url, redis_url, tmp_path, **settings) as home:
        video, job, blobs = uuid4(), uuid4(), blobs_at(f"file://{tmp_path}/blobs")
        await blobs.put_file(f"original/{home.tenant}/film", film)
        with home.serving(), home.runner("leaving", home.url, await home.invite(), "--precision", "f32") as leaving:
            await home.tell(*facts(home, film, video, job, frames=48))
            await home.until(half_done, within_s=90)
            leaving.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(leaving.wait, 60)
            with home.runner("staying", home.url, await home.invite()):
                await home.until("SELECT 1 FROM upscale.tasks WHERE kind = 'assemble' AND state = 'done'", within_s=120)
        content = await blobs.get_bytes(f"derived/{home.tenant}/{job}/upscale-1/qc.json")
        said = home.log("leaving")

    report = QualityReport.model_validate_json(content)
    assert code == 0, said
    assert "handing in the frames that are done" in said
    assert (report.passed, report.frames_out) == (True, 48), report.failures
    by = [(chunk.machine.partition(" ")[0], chunk.frames) for chunk in report.chunks]
    assert len(by) == 3
    assert 12 <= by[0][1] < 24
    assert (by[0][0], by[1]) == ("leaving", ("staying", 24 - by[0][1]))


async def speak_as(name: str, home: House, chunk_id: object, token: int) -> int:
    """What is answered to a word by a lease that is over, in the voice of the runner that held it."""
    secret = kept_secret(home, name)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"{home.url}/v1/runner/leases/{chunk_id}/renew",
            json={"fencing_token": token},
            headers={"Authorization": f"Bearer {secret}"},
        )
    return answer.status_code


async def announced(redis_url: str, job: str) -> Counter[int]:
    """How often each chunk of the job was said to be ready."""
    client = redis.Redis.from_url(redis_url)
    try:
        entries = await client.xrange("chunk.ready.v1")
    finally:
        await client.aclose()
    told: Counter[int] = Counter()
    seen = set()
    for entry in entries or ():
        text = b"".join(value for value in (entry[1] or {}).values() if isinstance(value, bytes)).decode(
            errors="replace"
        )
        if job in text:
            event = json.JSONDecoder().raw_decode(text[text.index('{"specversion"') :])[0]
            if event["id"] not in seen:
                seen.add(event["id"])
                told[event["data"]["index"]] += 1
    return told
