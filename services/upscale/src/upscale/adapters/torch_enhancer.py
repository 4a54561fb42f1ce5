"""The enhancer on a GPU (or a CPU with torch): the engines extra."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from upscale.adapters.ncnn import PReLU
from upscale.adapters.srvgg import DETAIL, TONE_RADIUS, Network
from upscale.adapters.torch_engine import TorchEngine
from upscale.adapters.torch_networks import compact, tone_kept
from upscale.ports import EngineMissing, OutOfMemory

__all__ = ["TorchEnhancer", "TorchModel", "model_of"]

_COMPACT_BYTES = 1000
"""Memory that a pixel of the source takes in a row of convolutions to 64 channels."""


@dataclass(frozen=True)
class TorchModel:
    """A network for torch, and what must be known of it."""

    build: Callable[[Any], Any]
    """Given torch, makes the module: float32 pictures from 0 to 1 in and out, larger by ``scale``."""
    scale: Fraction
    padding: int
    """How far a source pixel can be felt, or beyond which it hardly is."""
    pixel_bytes: int
    """Memory a pixel of the source takes while it is computed, in half precision."""
    network: str = ""
    """Digest of the weights, where compiled engines are kept."""


class TorchEnhancer:
    """Runs a network with torch: half precision and batches on CUDA, float32 on a CPU.

    ``precision``: ``auto`` and ``int8`` are f16 on CUDA and f32 on a CPU. 10-bit pictures are always computed in f32.
    """

    def __init__(
        self,
        network: Network | TorchModel,
        *,
        device: str,
        precision: str = "auto",
        cache_dir: Path | None = None,
        compiling: Literal["auto", "always", "never"] = "auto",
    ) -> None:
        try:
            import torch  # heavy, and in the engines extra alone
        except ImportError:
            raise EngineMissing(
                "the torch engine is not installed: install requirements/engines.txt, or set UPSCALE_ENGINE=openvino"
            ) from None
        self._torch = torch
        model = model_of(network) if isinstance(network, Network) else network
        self._padding = model.padding
        self._engine = TorchEngine(
            model.build(torch),
            device=device,
            precision=precision,
            pixel_bytes=model.pixel_bytes,
            network=model.network,
            cache=cache_dir,
            compiling=compiling,
        )
        self.precision = self._engine.precision
        self.batch = self._engine.batch if self._engine.on_gpu else 1

    @property
    def engine(self) -> str:
        """Software, version and precision."""
        return f"torch-{self._torch.__version__.split('+')[0]}-{self._engine.device.type}-{self.precision}"

    @property
    def padding(self) -> int:
        """The network's reach."""
        return self._padding

    def enhance(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """See the port."""
        torch = self._torch
        try:
            made: NDArray[Any] = self._engine.run(torch.from_numpy(np.ascontiguousarray(pictures))).contiguous().numpy()
        except (torch.cuda.OutOfMemoryError, MemoryError) as error:
            raise OutOfMemory(str(error)[:500]) from error
        except RuntimeError as error:
            if "not enough memory" in str(error):
                raise OutOfMemory(str(error)[:500]) from error
            raise
        return made


def model_of(network: Network, *, digest: str = "") -> TorchModel:
    """A row of convolutions, as torch runs it."""

    def build(torch: Any) -> Any:
        def tensor(array: NDArray[np.float32]) -> Any:
            return torch.from_numpy(np.array(array, np.float32))

        layers = [
            (tensor(layer.slope),) if isinstance(layer, PReLU) else (tensor(layer.weight), tensor(layer.bias))
            for layer in network.layers
        ]
        inner = compact(torch, layers, scale=network.scale)
        return tone_kept(torch, inner, scale=network.scale, radius=TONE_RADIUS, detail=DETAIL)

    return TorchModel(build, Fraction(network.scale), network.reach, _COMPACT_BYTES, digest)
