"""The benchmark for GPUs, on the processor: that it runs, and measures what the product runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from upscale.adapters.srvgg import DETAIL, TONE_RADIUS

pytest.importorskip("torch", reason="torch is in requirements/engines.txt, which is not installed here")
pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("ignore")]

SCRIPT = Path(__file__).resolve().parents[1] / "bench" / "gpu_upscale.py"


def test_the_picture_is_kept_the_sources_by_the_products_own_measure() -> None:
    from bench import gpu_upscale

    assert (gpu_upscale.RADIUS, gpu_upscale.DETAIL) == (TONE_RADIUS, DETAIL)


@pytest.mark.parametrize("model", ["compact", "photo"])
def test_the_benchmark_for_gpus_runs_on_a_processor_too_and_needs_nothing_beside_torch(
    tmp_path: Path, model: str
) -> None:
    for name in ("numpy", "av", "openvino"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('{name} is not to be had there')")
    words = ["--size", "32x24", "--frames", "2", "--rounds", "1", "--model", model, "--device", "cpu"]

    subprocess.run(
        [sys.executable, str(SCRIPT), *words, "--json", str(tmp_path / "found.json")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=True, capture_output=True, timeout=300,
    )  # fmt: skip

    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["precision"], found["compiled"]) == ("f32", False)
    assert found["psnr_to_f32"] > 50
    assert all(len(subject["fps"]) == 1 for subject in found["subjects"].values())
    assert 0 < found["share_of_limit"] < 1
