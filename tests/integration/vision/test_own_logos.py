"""A logo handed in by the API is found in a film, with its box and its seconds, and read back by the API."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import cv2
import httpx
import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from chassis.testing import Harness, harness
from contracts.gateway import JobRequested
from contracts.vision import WatermarksDetected
from support.gateway_rig import Gateway, a_gateway, an_ingested, json_of
from vision.domain.boxes import overlap
from vision.main import build
from vision.settings import Settings

pytestmark = pytest.mark.servers

WIDTH, HEIGHT, FRAME_RATE, SECONDS = 640, 360, 25, 7.5
BOX, FROM_S, TO_S = (520, 24, 88, 88), 1.0, 6.0
SHOTS = ("mandelbrot=s=640x360:r=25", "testsrc2=s=640x360:r=25", "gradients=s=640x360:r=25:speed=0.05")


def a_mark(letter: str, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A disc with a letter on nothing, larger than it will be in the film."""
    mark = np.zeros((352, 352, 4), np.uint8)
    cv2.circle(mark, (176, 176), 174, (245, 245, 245, 255), -1, cv2.LINE_AA)
    cv2.circle(mark, (176, 176), 140, (*colour, 255), -1, cv2.LINE_AA)
    cv2.putText(mark, letter, (92, 252), cv2.FONT_HERSHEY_DUPLEX, 7, (255, 255, 255, 255), 22, cv2.LINE_AA)
    return mark


def png(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shots by ffmpeg; over them a logo, from one second to six."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "mark.png").write_bytes(png(a_mark("R", (40, 40, 200))))
    inputs = [word for shot in SHOTS for word in ("-f", "lavfi", "-t", str(SECONDS / 3), "-i", shot)]
    shots = "".join(f"[{number}:v]setsar=1[s{number}];" for number in range(3))
    graph = (
        f"{shots}[s0][s1][s2]concat=n=3:v=1[film];[3:v]scale={BOX[2]}:{BOX[3]}[mark];"
        f"[film][mark]overlay={BOX[0]}:{BOX[1]}:enable='between(t,{FROM_S},{TO_S})'"
    )
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *inputs, "-i", "mark.png", "-filter_complex", graph]
    encoding = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-pix_fmt", "yuv420p", "film.mp4"]
    subprocess.run([*command, *encoding], cwd=folder, check=True)
    return folder / "film.mp4"


@pytest.fixture
async def both(
    postgres_url: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Gateway, Harness]]:
    """The gateway and vision on the same blobs."""
    blobs = f"file://{tmp_path}/blobs"
    cache = tmp_path_factory.getbasetemp() / "models"
    async with (
        a_gateway(postgres_url, blobs_url=blobs) as gateway,
        harness("vision", build, settings=Settings, admin_url=postgres_url, blobs_url=blobs, cache_dir=cache) as vision,
    ):
        yield gateway, vision


async def looked_at(
    gateway: Gateway, vision: Harness, client: httpx.AsyncClient, film: Path, *, then: str | None = None
) -> list[dict[str, Any]]:
    """The marks that the API tells of a film; the logo ``then`` is removed after the job was asked for."""
    content = await asyncio.to_thread(film.read_bytes)
    video = await gateway.video(client, content)
    frames = round(SECONDS * FRAME_RATE)
    measures = {"duration_s": SECONDS, "frames": frames, "width": WIDTH, "height": HEIGHT}
    ingested = an_ingested(video["id"]).model_copy(update=measures)
    await gateway.hear(client, ingested, subject=video["id"])
    await gateway.harness.blobs.put_file(ingested.original_key, film)
    job = await gateway.job(client, video["id"], ["watermarks"])
    if then is not None:
        assert (await client.delete(f"/v1/logos/{then}")).status_code == 204
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    for fact, job_id in ((ingested, None), (gateway.harness.facts(JobRequested)[-1], UUID(job["id"]))):
        await vision.hear(fact, subject=video["id"], job_id=job_id, tenant_id=tenant_id)
    await vision.work_off()
    await gateway.hear(client, vision.facts(WatermarksDetected)[-1], subject=video["id"], job=job)
    return list(json_of(await client.get(f"/v1/watermarks/{job['id']}"), 200)["marks"])


async def handed_in(client: httpx.AsyncClient, name: str, picture: NDArray[np.uint8]) -> str:
    files = {"file": ("mark.png", png(picture), "image/png")}
    return str(json_of(await client.post("/v1/logos", files=files, data={"name": name}), 201)["id"])


async def test_a_logo_that_was_handed_in_is_found_where_and_when_it_is_and_another_is_not(
    both: tuple[Gateway, Harness], film: Path
) -> None:
    gateway, vision = both
    client = await gateway.owner()
    ours = await handed_in(client, "channel mark", a_mark("R", (40, 40, 200)))
    await handed_in(client, "somebody else's", np.asarray(a_mark("K", (200, 40, 40))[290:60:-1, ::-1], np.uint8))

    marks = await looked_at(gateway, vision, client, film)

    [mark] = [one for one in marks if one["logo_id"]]
    assert (mark["logo_id"], mark["logo"], mark["kind"]) == (ours, "channel mark", "logo")
    assert overlap(tuple(mark["box"]), BOX) > 0.85
    assert abs(mark["start"] - FROM_S) <= 0.2
    assert abs(mark["end"] - TO_S) <= 0.2
    assert mark["confidence"] > 0.7
    assert [one for one in marks if one["logo_id"] is None and overlap(tuple(one["box"]), BOX) > 0.3] == []


async def test_a_logo_that_was_removed_before_the_film_was_looked_at_is_a_mark_like_any_other(
    both: tuple[Gateway, Harness], film: Path
) -> None:
    gateway, vision = both
    client = await gateway.owner()
    logo_id = await handed_in(client, "channel mark", a_mark("R", (40, 40, 200)))

    marks = await looked_at(gateway, vision, client, film, then=logo_id)

    assert [logo.name for logo in gateway.harness.facts(JobRequested)[-1].options.logos] == ["channel mark"]
    assert {mark["logo_id"] for mark in marks} == {None}
    assert any(overlap(tuple(mark["box"]), BOX) > 0.5 for mark in marks)
