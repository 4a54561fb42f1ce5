"""Real-ESRGAN on torch and on OpenVINO draw the same picture."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from upscale.adapters.engines import enhancer_for
from upscale.ports import Enhancer, Workshop

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed: make test-engines"),
    # torch warns of its own deprecations while it is imported.
    pytest.mark.filterwarnings("ignore"),
]


def an_enhancer(engine: Literal["torch", "openvino"], scale: int, folder: Path) -> Enhancer:
    workshop = Workshop(
        engine=engine,
        precision="f32",
        device="cpu",
        tile_pixels=1_000_000,
        threads=2,
        models_dir=None,
        cache_dir=folder,
    )
    return enhancer_for("realesr-animevideov3", scale=scale, workshop=workshop)


def a_picture(kind: type[Any]) -> np.ndarray:
    """Gradients, an edge and grain, ``(1, 3, 48, 64)``, as the port wants it."""
    rows, columns = np.mgrid[0:48, 0:64] / 64
    picture = np.stack([rows, columns, (rows > 0.4).astype(float)])[None]
    picture += np.random.default_rng(5).normal(0, 0.03, picture.shape)
    picture = np.clip(picture, 0, 1)
    shades: np.ndarray = (picture * 255).round().astype(np.uint8) if kind is np.uint8 else picture.astype(np.float32)
    return shades


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_torch_and_openvino_draw_the_same_picture(scale: int, kind: type[Any], tmp_path: Path) -> None:
    picture = a_picture(kind)

    by_torch = an_enhancer("torch", scale, tmp_path).enhance(picture)
    by_openvino = an_enhancer("openvino", scale, tmp_path).enhance(picture)

    assert by_torch.shape == by_openvino.shape == (1, 3, 48 * scale, 64 * scale)
    assert by_torch.dtype == by_openvino.dtype
    difference = np.abs(by_torch.astype(np.float64) - by_openvino.astype(np.float64))
    assert difference.max() <= (1 if kind is np.uint8 else 1e-3)
    assert by_torch.std() > 0
