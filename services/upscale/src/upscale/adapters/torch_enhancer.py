"""The enhancer on a GPU (or a CPU with torch): the engines extra."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscale.adapters.ncnn import PReLU
from upscale.adapters.srvgg import DETAIL, TONE_RADIUS, Network
from upscale.ports import EngineMissing, OutOfMemory

__all__ = ["TorchEnhancer"]

_GPU_BATCH = 4


class TorchEnhancer:
    """Runs the network with torch: half precision and batches on CUDA, float32 on a CPU.

    ``precision``: ``auto`` and ``int8`` are f16 on CUDA and f32 on a CPU. 10-bit pictures are always computed in f32.
    """

    def __init__(self, network: Network, *, device: str, precision: str = "auto") -> None:
        try:
            import torch  # heavy, and in the engines extra alone
        except ImportError:
            raise EngineMissing(
                "the torch engine is not installed: install requirements/engines.txt, or set UPSCALE_ENGINE=openvino"
            ) from None
        self._torch = torch
        self._network = network
        self._device = torch.device(device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu")
        on_gpu = self._device.type == "cuda"
        self.precision = precision if precision in ("f32", "bf16", "f16") else "f16" if on_gpu else "f32"
        self.batch = _GPU_BATCH if on_gpu else 1
        self._weights = {name: self._loaded(name) for name in {self.precision, "f32"}}

    @property
    def engine(self) -> str:
        """Software, version and precision."""
        return f"torch-{self._torch.__version__.split('+')[0]}-{self._device.type}-{self.precision}"

    @property
    def padding(self) -> int:
        """The network's reach."""
        return self._network.reach

    def enhance(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """See the port."""
        torch = self._torch
        try:
            with torch.inference_mode():
                return self._enhanced(pictures)
        except (torch.cuda.OutOfMemoryError, MemoryError) as error:
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            raise OutOfMemory(str(error)[:500]) from error
        except RuntimeError as error:
            if "not enough memory" in str(error):
                raise OutOfMemory(str(error)[:500]) from error
            raise

    def _enhanced(self, pictures: NDArray[Any]) -> NDArray[Any]:
        torch, functional = self._torch, self._torch.nn.functional
        deep = pictures.dtype != np.uint8
        name = "f32" if deep else self.precision
        source = torch.from_numpy(np.ascontiguousarray(pictures)).to(self._device)
        picture = source.to(self._type(name)) if deep else source.to(self._type(name)) / 255
        node = picture.contiguous(memory_format=torch.channels_last)
        for parts in self._weights[name]:
            node = functional.prelu(node, parts[0]) if len(parts) == 1 else functional.conv2d(node, *parts, padding=1)
        scale, picture = self._network.scale, picture.float()
        enlarged = functional.interpolate(picture, scale_factor=scale, mode="nearest")
        result = (functional.pixel_shuffle(node.float(), scale) + enlarged).clamp_(0, 1)
        result = (result + self._tone(picture, result)).clamp_(0, 1)
        if not deep:
            result = result.mul_(255).round_().to(torch.uint8)
        array: NDArray[Any] = result.contiguous().cpu().numpy()
        return array

    def _tone(self, picture: Any, result: Any) -> Any:
        """What must be added so that the result stays the source's picture; see ``DETAIL``."""
        functional, scale = self._torch.nn.functional, self._network.scale
        missing = picture - functional.avg_pool2d(result, scale)
        mean = functional.avg_pool2d(
            missing, 2 * TONE_RADIUS + 1, stride=1, padding=TONE_RADIUS, count_include_pad=False
        )
        kept = mean + DETAIL * (missing - mean)
        return functional.interpolate(kept, scale_factor=scale, mode="bilinear", align_corners=False)

    def _loaded(self, name: str) -> list[tuple[Any, ...]]:
        return [
            (self._tensor(layer.slope, name),)
            if isinstance(layer, PReLU)
            else (self._tensor(layer.weight, name), self._tensor(layer.bias, name))
            for layer in self._network.layers
        ]

    def _tensor(self, array: NDArray[np.float32], name: str) -> Any:
        tensor = self._torch.from_numpy(np.array(array)).to(self._device, self._type(name))
        return tensor.contiguous(memory_format=self._torch.channels_last) if tensor.dim() == 4 else tensor

    def _type(self, name: str) -> Any:
        return {"f32": self._torch.float32, "bf16": self._torch.bfloat16, "f16": self._torch.float16}[name]
