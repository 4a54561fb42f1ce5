"""The lean default stays lean: nothing heavy is imported by an idle service, nothing of the engines extra at all."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.registry import SERVICES

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "av",
    "cv2",
    "openvino",
    "onnxruntime",
    "faster_whisper",
    "ctranslate2",
    "pocketsphinx",
    "scenedetect",
    "rapidocr",
}
EXTRA = {
    "torch",
    "torchvision",
    "torchaudio",
    "whisperx",
    "ultralytics",
    "sentence_transformers",
    "realesrgan",
    "basicsr",
}


@pytest.mark.parametrize("service", SERVICES)
def test_an_idle_service_has_loaded_no_engine(service: str) -> None:
    program = f"import sys, {service}.main; print(sorted({HEAVY | EXTRA!r} & set(sys.modules)))"

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"


def test_no_module_imports_the_extra_when_it_is_loaded() -> None:
    sources = [path for path in ROOT.glob("[ls]*/*/src/**/*.py")]
    assert len(sources) > 50

    offenders = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
        if name.split(".")[0] in EXTRA
    ]

    assert offenders == []
