"""How fast machines are is measured on every chunk, and decides how much the next one holds and who gets it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from chassis.testing import Harness, harness
from contracts.documents import QualityReport
from contracts.gateway import JobRequested, TenantErased
from contracts.upscale import VideoUpscaled
from support.upscale_lending import FRAMES, LENT, a_runner, asked, build_here, settle
from support.upscale_runners import ScriptedRunner
from upscale.adapters.weights import ANIME_VIDEO
from upscale.domain.runners import PROTOCOL
from upscale.settings import Settings

pytestmark = [pytest.mark.servers]
FRAME_MEGAPIXELS = 128 * 32 / 1e6
"""Of the film, enlarged by two."""


@pytest.fixture
async def service(postgres_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    """One that plans by what it has measured."""
    async with harness(
        "upscale", build_here, settings=Settings, admin_url=postgres_url, cache_dir=tmp_path / "cache", **LENT
    ) as running:
        yield running


async def rows(service: Harness, query: str) -> list[Any]:
    """What the database answers."""
    async with service.database.begin(service.tenant_id) as work:
        return list((await work.connection.execute(text(query))).all())


async def as_if_measured(service: Harness, *, frame_s: float) -> None:
    """As if every class of machines had taken so long for a frame of the film."""
    async with service.database.begin_untenanted() as connection:
        pace = {"pace": frame_s / FRAME_MEGAPIXELS}
        await connection.execute(text("UPDATE paces SET seconds_per_megapixel = :pace"), pace)


async def claim_of(runner: ScriptedRunner, *, left_s: float | None = None) -> dict[str, Any] | None:
    """What a machine gets whose session ends then."""
    models = {ANIME_VIDEO.name: ANIME_VIDEO.sha256}
    said: dict[str, Any] = {"processor": "a test's", "models": models}
    if left_s is not None:
        said["session_ends_at"] = (datetime.now(UTC) + timedelta(seconds=left_s)).isoformat()
    answer = await runner.post("claims", {"protocol": PROTOCOL, "wait_s": 0, "capabilities": said})
    assert answer.status_code in (200, 204), answer.text
    lease: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
    return lease


async def made(service: Harness, runner: ScriptedRunner) -> list[int]:
    """Make all there is; returns the frames of each chunk."""
    sizes = []
    while lease := await runner.claim():
        sizes.append(lease["chunk"]["frames"])
        assert (await runner.do(lease)).status_code == 202
        await settle(service)
    return sizes


async def test_chunks_are_as_long_as_the_machines_that_would_make_them_need_for_the_target(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner = await a_runner(service, client, tmp_path)
    await asked(service, film)
    at_first = await made(service, runner)
    await as_if_measured(service, frame_s=4.0)

    await asked(service, film)
    once_measured = await made(service, runner)

    ((owner, pool, machine, chunks),) = await rows(service, "SELECT tenant_id, pool, machine, chunks FROM paces")
    assert at_first == [FRAMES]
    assert once_measured == [30, 30]
    assert (owner, pool, machine, chunks) == (service.tenant_id, "colab", "a test's", 3)


async def test_a_later_run_of_a_job_has_the_chunks_of_the_first_one_whatever_was_measured_since(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner = await a_runner(service, client, tmp_path)
    await asked(service, film)
    await made(service, runner)
    await as_if_measured(service, frame_s=4.0)
    job = await asked(service, film)
    await as_if_measured(service, frame_s=0.1)

    ((request,),) = await rows(service, f"SELECT request FROM requests WHERE job_id = '{job}'")
    again = JobRequested.model_validate(request).model_copy(update={"run": 2})
    await service.hear(again, subject=again.video_id, job_id=job)
    await service.work_off()

    plans = await rows(service, f"SELECT run, manifest_sha256, chunks FROM plans WHERE job_id = '{job}' ORDER BY run")
    assert [plan.chunks for plan in plans] == [2, 2]
    assert len({plan.manifest_sha256 for plan in plans}) == 1


async def test_a_machine_slower_than_those_planned_for_gets_a_part_and_the_rest_is_offered(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner = await a_runner(service, client, tmp_path)
    await asked(service, film)
    await made(service, runner)
    await asked(service, film)
    await as_if_measured(service, frame_s=4.5)  # twice the target is 53 frames

    sizes = await made(service, runner)

    done = service.facts(VideoUpscaled)[-1]
    report = QualityReport.model_validate_json(await service.blobs.get_bytes(done.qc_key))
    assert sizes == [26, 34]
    assert (report.passed, report.frames_out) == (True, FRAMES), report.failures
    assert [chunk.frames for chunk in report.chunks] == [26, 34]


async def test_a_machine_whose_session_ends_gets_what_it_can_make_until_then_or_nothing(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    short, long = [await a_runner(service, client, tmp_path, name=name) for name in ("short", "long")]
    await asked(service, film)
    unmeasured = await claim_of(short, left_s=100)
    await made(service, long)
    await asked(service, film)
    await as_if_measured(service, frame_s=1.0)

    too_short = await claim_of(short, left_s=20)
    a_part = await claim_of(short, left_s=45)
    whole = await claim_of(long)

    assert (unmeasured, too_short) == (None, None)
    assert a_part is not None
    assert 30 <= a_part["chunk"]["frames"] <= 36
    assert whole is not None
    assert whole["chunk"]["frames"] == FRAMES - a_part["chunk"]["frames"]


async def test_a_tile_that_was_too_large_is_not_given_to_machines_like_that_one_again(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    await asked(service, film)
    first, like_it = [await a_runner(service, client, tmp_path, name=name) for name in ("first", "like it")]
    lease = await first.claim()
    assert lease is not None

    await first.tell(lease, "fail", reason="oom", tile_pixels=40_000)
    again = await like_it.claim()
    assert again is not None
    chunk, report = await like_it.make(again)
    await like_it.send(again["output_url"], chunk)
    await like_it.tell(again, "complete", **report, tile_pixels=9_000)
    await settle(service)
    await asked(service, film)
    later = await first.claim()

    assert lease["parameters"]["tile_pixels"] is None
    assert again["parameters"]["tile_pixels"] == 20_000
    assert later is not None
    assert later["parameters"]["tile_pixels"] == 9_000


async def test_what_the_pool_makes_is_measured_for_all(service: Harness, film: Path) -> None:
    await asked(service, film, dispatch="gpu")
    await settle(service)

    ((owner, pool, chunks, pace),) = await rows(
        service, "SELECT tenant_id::text, pool, chunks, seconds_per_megapixel FROM paces"
    )
    assert (owner, pool, chunks) == ("00000000-0000-0000-0000-000000000000", "local", 1)
    assert pace > 0


async def test_what_one_tenant_s_machines_say_is_nothing_to_another_and_goes_with_it(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    other = uuid4()
    theirs = await a_runner(service, client, tmp_path, name="theirs", tenant_id=other)
    await a_runner(service, client, tmp_path, name="ours")
    await asked(service, film, tenant_id=other)
    await made(service, theirs)
    await as_if_measured(service, frame_s=4.0)

    await asked(service, film)
    sizes = await rows(service, f"SELECT frames FROM offers WHERE tenant_id = '{service.tenant_id}'")
    await service.hear(TenantErased(erasure_id=uuid4()), subject=other, tenant_id=other)

    assert [size for (size,) in sizes] == [FRAMES]
    assert await rows(service, "SELECT * FROM paces") == []
