"""What operators tell machines: to hold still, to hand back what they have, to go on."""

from pathlib import Path
from uuid import UUID

import httpx
import pytest

from chassis.testing import Harness
from contracts.documents import QualityReport
from contracts.runners import RunnerSteered
from contracts.upscale import VideoUpscaled
from support.upscale_lending import FRAMES, a_runner, asked, at_work, settle
from support.upscale_runners import ScriptedRunner

pytestmark = [pytest.mark.servers]


async def tell(service: Harness, runner: ScriptedRunner, wish: str) -> None:
    """What its operator wants of it."""
    fact = RunnerSteered.model_validate({"runner_id": runner.runner_id, "wish": wish})
    await service.hear(fact, subject=runner.runner_id)


async def test_a_paused_machine_keeps_what_it_has_and_gets_no_more_until_it_is_let_go_on(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)

    await tell(service, runner, "pause")
    paused = [await runner.renew(lease), await runner.renew(lease, frames_done=3)]
    await tell(service, runner, "work")
    resumed = await runner.renew(lease)
    done = await runner.do(lease)
    await tell(service, runner, "pause")
    idle = await runner.post("claims", {"protocol": 1, "wait_s": 0})
    await tell(service, runner, "work")
    another = await runner.claim()

    assert (paused, resumed) == (["pause", "pause"], "continue")
    assert done.status_code == 202
    assert (idle.status_code, idle.headers["runner-command"]) == (204, "pause")
    assert another is not None


async def test_a_drained_machine_hands_in_the_frames_it_has_and_another_makes_the_rest(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    going, lease = await at_work(service, client, film, tmp_path)
    staying = await a_runner(service, client, tmp_path, name="staying")
    whole = lease["chunk"]["frames"]

    await tell(service, going, "drain")
    command = await going.renew(lease, frames_done=whole - 5)
    chunk, report = await going.make(lease, frames=whole - 5)
    await going.send(lease["output_url"], chunk)
    taken = await going.tell(lease, "complete", **report)
    await settle(service)
    nothing = await going.claim()
    while rest := await staying.claim():
        await staying.do(rest)
        await settle(service)

    (done,) = service.facts(VideoUpscaled)
    qc = QualityReport.model_validate_json(await service.blobs.get_bytes(done.qc_key))
    assert (command, taken.status_code, nothing) == ("drain", 202, None)
    assert (qc.passed, qc.frames_out) == (True, FRAMES)
    assert [chunk.frames for chunk in qc.chunks][:2] == [whole - 5, 5]


async def test_nobody_steers_the_machine_of_another_tenant(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner, lease = await at_work(service, client, film, tmp_path)

    fact = RunnerSteered(runner_id=UUID(runner.runner_id), wish="drain")
    await service.hear(fact, subject=runner.runner_id, tenant_id=UUID(int=5))

    assert await runner.renew(lease) == "continue"


async def test_a_machine_that_is_drained_counts_for_nobody_who_plans(
    service: Harness, client: httpx.AsyncClient, film: Path, tmp_path: Path
) -> None:
    runner = await a_runner(service, client, tmp_path)
    await tell(service, runner, "drain")

    await asked(service, film, dispatch="auto")
    await settle(service)

    assert len(service.facts(VideoUpscaled)) == 1
