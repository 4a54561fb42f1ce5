"""The torch engine gives what the OpenVINO engine gives. Runs where requirements/engines.txt is installed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chassis.models import ModelStore
from upscale.adapters.openvino_enhancer import OpenVinoEnhancer
from upscale.adapters.srvgg import Network, load_network
from upscale.adapters.tiling import TiledEnhancer
from upscale.adapters.weights import ANIME_VIDEO

torch = pytest.importorskip("torch", reason="torch is in requirements/engines.txt, which is not installed here")
pytestmark = [pytest.mark.engines]


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return load_network(ModelStore(None, tmp_path).ensure(ANIME_VIDEO), scale=2)


@pytest.fixture
def picture() -> NDArray[Any]:
    """Edges, ramps and noise, 80x64, planes first."""
    rows, columns = np.mgrid[0:64, 0:80]
    edges = np.where((rows // 9 + columns // 7) % 2, 220, 40)
    noise = np.random.default_rng(0).integers(0, 256, (64, 80))
    return np.stack([edges, columns * 3, (edges + noise) // 2]).astype(np.uint8)


def test_torch_equals_openvino(network: Network, picture: NDArray[Any]) -> None:
    from upscale.adapters.torch_enhancer import TorchEnhancer

    reference = OpenVinoEnhancer(network, precision="f32").enhance(picture[None])

    computed = TorchEnhancer(network, device="cpu").enhance(picture[None])

    assert computed.dtype == np.uint8
    assert np.abs(computed.astype(int) - reference.astype(int)).max() <= 1


def test_torch_keeps_more_bits(network: Network, picture: NDArray[Any]) -> None:
    from upscale.adapters.torch_enhancer import TorchEnhancer

    deep = picture[None].astype(np.float32) / 255

    computed = TorchEnhancer(network, device="cpu").enhance(deep)

    assert computed.dtype == np.float32
    assert np.abs(computed - OpenVinoEnhancer(network, precision="f32").enhance(deep)).max() < 1e-3


def test_torch_in_tiles_and_batches_equals_torch_at_once(network: Network, picture: NDArray[Any]) -> None:
    from upscale.adapters.torch_enhancer import TorchEnhancer

    engine = TorchEnhancer(network, device="cpu")
    engine.batch = 3
    whole = engine.enhance(picture[None])[0]

    frames = TiledEnhancer(engine, scale=2, tile_pixels=64 * 64).enhance([picture, picture])

    assert all(np.abs(frame.astype(int) - whole.astype(int)).max() <= 1 for frame in frames)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_half_precision_on_a_gpu_is_close(network: Network, picture: NDArray[Any]) -> None:
    from upscale.adapters.torch_enhancer import TorchEnhancer

    reference = OpenVinoEnhancer(network, precision="f32").enhance(picture[None]).astype(float)

    computed = TorchEnhancer(network, device="cuda").enhance(np.stack([picture] * 5)).astype(float)

    assert 10 * np.log10(255**2 / np.mean((computed - reference) ** 2)) > 45
