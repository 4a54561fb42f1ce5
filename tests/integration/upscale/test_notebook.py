"""The notebook as a person runs it: every cell, in an environment that has nothing of ours, against a real gateway."""

import json
import sys
import sysconfig
import types
import venv
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient

from chassis.blobs import blobs_at
from contracts.documents import QualityReport
from contracts.gateway import JobOptions, JobRequested, UpscaleOptions
from contracts.ingest import VideoIngested
from contracts.steps import Step
from support.gateway_process import GatewayProcess, gateway_process
from support.upscale_house import House, house
from upscale.runner import notebook
from upscale.runner.transfers import sha256_of

pytestmark = [pytest.mark.servers]

NOTEBOOK = Path(__file__).resolve().parents[3] / "colab" / "upscale_runner.ipynb"
FRAMES = 5


def cells() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


@pytest.fixture
async def home(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    settings = {"preset": "ultrafast", "runner_secret": "what signs addresses in this test", "min_free_bytes": "0"}
    async with house(postgres_url, redis_url, tmp_path, **settings) as made:
        yield made


@pytest.fixture
def gateway(home: House, postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[GatewayProcess]:
    with gateway_process(postgres_url, redis_url, tmp_path, UPSCALE_URL=home.url, MIN_FREE_BYTES="0") as served:
        yield served


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a kernel in an environment that has third parties' packages, and none of ours.

    The packages are seen by a path: what is installed there as editable, which is all that is ours, is not.
    """
    folder = tmp_path / "elsewhere"
    venv.create(folder, with_pip=False, symlinks=True)  # pip is a third party, too
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "third_parties.pth").write_text(sysconfig.get_path("purelib") + "\n")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    spec = {
        "argv": [str(folder / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "elsewhere",
        "language": "python",
    }
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "kernel.json").write_text(json.dumps(spec))
    KernelSpecManager().install_kernel_spec(str(tmp_path / "spec"), "elsewhere", user=True)
    return "elsewhere"


def filled_in(**fields: object) -> Any:
    """The notebook with what a person types into its form, which Colab writes into these very lines."""
    book = cells()
    for name, value in fields.items():
        (cell,) = [cell for cell in book.cells if f"\n{name} = " in cell.source]
        lines = [
            f"{name} = {value!r}" if line.startswith(f"{name} = ") and "@param" in line else line
            for line in cell.source.splitlines()
        ]
        cell.source = "\n".join(lines)
    return book


async def test_every_cell_runs_until_a_chunk_of_a_real_film_is_done_and_nothing_secret_is_saved(
    home: House, gateway: GatewayProcess, elsewhere: str, evaluation_data: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    home.tenant = UUID(jwt.decode(gateway.token, options={"verify_signature": False})["tenant"])
    film = evaluation_data / "upscale" / "bbb_x4_compressed.mp4"
    own = str(tmp_path / "of-the-notebook")
    with home.serving():
        token = invited(gateway)
        job = await a_job(home, film, tmp_path)
        monkeypatch.setenv("MATCHCUT_RUNNER_TOKEN", token)
        book = filled_in(url=gateway.url, name="sofa", chunks=1, options=f"--folder {own} --threads 1 --precision f32")

        client = NotebookClient(
            book, timeout=120, kernel_name=elsewhere, resources={"metadata": {"path": str(tmp_path)}}
        )
        await client.async_execute()
        await home.until("SELECT 1 FROM upscale.tasks WHERE kind = 'assemble' AND state = 'done'", within_s=60)

    report_key = f"derived/{home.tenant}/{job}/upscale-1/qc.json"
    saved = nbformat.writes(book)  # type: ignore[no-untyped-call]
    report = QualityReport.model_validate_json(await blobs_at(f"file://{tmp_path}/blobs").get_bytes(report_key))
    assert (report.passed, report.frames_out) == (True, FRAMES), report.failures
    assert [chunk.machine.partition(" ")[0] for chunk in report.chunks] == ["sofa"]
    assert f"done, {FRAMES} frames" in saved
    assert "progress value" in saved
    assert "left; chunks: 1 done" in saved
    assert token not in saved
    assert "mcr_" not in saved
    assert not list(Path(own).glob("runner-*.json"))  # noqa: ASYNC240 (one session: no secret is kept)


def invited(gateway: GatewayProcess) -> str:
    answer = httpx.post(
        f"{gateway.url}/v1/runners", json={"labels": ["colab"]}, headers={"Authorization": f"Bearer {gateway.token}"},
        trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def a_job(home: House, film: Path, folder: Path) -> UUID:
    """A job that wants the first frames of the film, by runners alone: one chunk."""
    video, key = uuid4(), f"original/{home.tenant}/film"
    blobs = blobs_at(f"file://{folder}/blobs")
    await blobs.put_file(key, film)
    ingested = VideoIngested(
        video_id=video, sha256=sha256_of(film), original_key=key, media_key="media", audio_key=None, proxy_key="proxy",
        poster_key="poster", duration_s=5, width=320, height=180, frames=120, frame_rate="24/1",
    )  # fmt: skip
    wanted = JobOptions(upscale=UpscaleOptions(dispatch="colab", end=0.2, only=True))
    request = JobRequested(video_id=video, steps=(Step.UPSCALE,), options=wanted)
    job = uuid4()
    await home.tell((ingested, video, None), (request, video, job))
    return job


def test_the_notebook_has_at_most_six_cells_and_no_output_and_no_address_or_token_in_it() -> None:
    book = cells()
    text = NOTEBOOK.read_text()

    nbformat.validate(book)
    assert len(book.cells) <= 6
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in book.cells)
    assert 'url = \\"\\"' in text
    assert "mct_" not in text


# --- where the token comes from


def a_module(monkeypatch: pytest.MonkeyPatch, name: str, **contents: Any) -> None:
    module = types.ModuleType(name)
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, name, module)


def never(_prompt: str) -> str:
    raise AssertionError("nobody had to be asked")


def test_the_token_comes_from_the_environment_and_is_taken_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHCUT_RUNNER_TOKEN", " mct_one ")

    first = notebook.ask_token(never)
    second = notebook.ask_token(lambda _: "typed")

    assert (first, second) == ("mct_one", "typed")


def test_the_token_comes_from_the_secrets_of_colab(monkeypatch: pytest.MonkeyPatch) -> None:
    a_module(monkeypatch, "google.colab.userdata", get={"MATCHCUT_RUNNER_TOKEN": "mct_colab"}.get)

    assert notebook.ask_token(never) == "mct_colab"


def test_the_token_comes_from_the_secrets_of_kaggle(monkeypatch: pytest.MonkeyPatch) -> None:
    class UserSecretsClient:
        def get_secret(self, name: str) -> str:
            return {"MATCHCUT_RUNNER_TOKEN": "mct_kaggle"}[name]

    a_module(monkeypatch, "kaggle_secrets", UserSecretsClient=UserSecretsClient)

    assert notebook.ask_token(never) == "mct_kaggle"


def test_a_secret_that_may_not_be_seen_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_name: str) -> str:
        raise PermissionError("this notebook has no access")

    a_module(monkeypatch, "google.colab.userdata", get=refused)

    assert notebook.ask_token(lambda _: " mct_typed\n") == "mct_typed"
