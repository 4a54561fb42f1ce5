"""A machine dies in the middle of a job: whichever service it carried, the job still succeeds."""

import os
import signal
from pathlib import Path

import pytest

from contracts.registry import SERVICES
from matchcut.client import Matchcut
from matchcut.launcher import Launcher


@pytest.mark.parametrize("service", SERVICES)
def test_a_job_survives_the_death_of(
    service: str, launcher: Launcher, matchcut: Matchcut, film: tuple[Path, Path]
) -> None:
    process = next(each for each in launcher.fleet.services if each.name == service)
    restarts = process.restarts
    video, script = matchcut.add_video(film[0]), matchcut.add_script(film[1])
    job = matchcut.start_job(
        video.id,
        steps=["scenes", "watermarks", "transcript", "alignment", "upscale"],
        script_id=script.id,
        options={"upscale": {"scale": 2, "start": 1.0, "end": 2.0, "only": True}},
    )
    busy = {
        "ingest": "ingest",
        "transcribe": "transcript",
        "align": "alignment",
        "vision": "scenes",
        "upscale": "upscale",
    }
    killed = False

    for now in matchcut.watch(job.id):
        at_work = service == "gateway" or any(
            step.step.value == busy[service] and step.state == "running" for step in now.steps
        )
        if not killed and at_work and process.pid:
            os.kill(process.pid, signal.SIGKILL)
            killed = True
        job = now

    assert killed, "the service was done before it could be killed: this test saw nothing"
    assert job.state == "succeeded", job.model_dump_json(indent=1)
    assert process.restarts > restarts
    assert len(list(matchcut.results(job.id))) >= 8
