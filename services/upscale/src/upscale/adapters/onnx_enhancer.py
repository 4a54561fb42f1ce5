"""The enhancer for an operator's own network in an ONNX file, on onnxruntime, with CUDA where that has it."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from upscale.domain.refusals import MalformedModel
from upscale.ports import OutOfMemory

__all__ = ["OnnxEnhancer"]

_PADDING = 48
_TRIAL = 32
_NO_MEMORY = ("bad_alloc", "out of memory", "Failed to allocate")


class OnnxEnhancer:
    """One input of ``(n, 3, height, width)`` floats from 0 to 1, one output that is larger by a whole number.

    The network's own scale is measured with a small picture; the result is brought to ``scale`` with a Lanczos window.
    Raises MalformedModel for any other file.
    """

    batch = 1

    def __init__(self, path: Path, *, scale: int, device: str, threads: int | None) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads:
            options.intra_op_num_threads = threads
        wanted = ["CPUExecutionProvider"] if device == "cpu" else ["CUDAExecutionProvider", "CPUExecutionProvider"]
        there = onnxruntime.get_available_providers()
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=[name for name in wanted if name in there]
            )
            (self._input,) = self._session.get_inputs()
            self._half = "float16" in self._input.type
            trial = self._run(np.zeros((1, 3, _TRIAL, _TRIAL), np.float32))
        except Exception as error:
            raise MalformedModel(f"{path.name} is no network for pictures: {str(error)[:300]}") from error
        own, rest = divmod(trial.shape[-1], _TRIAL)
        if rest or not own or trial.shape != (1, 3, own * _TRIAL, own * _TRIAL):
            raise MalformedModel(f"{path.name} makes {trial.shape} of a picture of {_TRIAL}x{_TRIAL}")
        self._ratio = Fraction(scale, own)

    @property
    def engine(self) -> str:
        """Software, version and where it runs."""
        where = "cuda" if "CUDAExecutionProvider" in self._session.get_providers() else "cpu"
        return f"onnxruntime-{onnxruntime.__version__}-{where}"

    @property
    def padding(self) -> int:
        """How far it is taken to reach."""
        return _PADDING

    def enhance(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """See the port."""
        deep = pictures.dtype != np.uint8
        source = pictures if deep else pictures.astype(np.float32) / np.float32(255)
        try:
            made = np.concatenate([self._run(picture[None]) for picture in source])
        except Exception as error:
            if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
                raise OutOfMemory(str(error)[:500]) from error
            raise
        made = np.clip(_sized(made, self._ratio), 0, 1)
        result: NDArray[Any] = made if deep else np.rint(made * 255).astype(np.uint8)
        return result

    def _run(self, picture: NDArray[Any]) -> NDArray[np.float32]:
        given = np.ascontiguousarray(picture, np.float16 if self._half else np.float32)
        made: NDArray[np.float32] = np.asarray(self._session.run(None, {self._input.name: given})[0], np.float32)
        return made


def _sized(pictures: NDArray[np.float32], ratio: Fraction) -> NDArray[np.float32]:
    if ratio == 1:
        return pictures
    import torch  # beside onnxruntime in the engines extra

    from upscale.adapters.torch_networks import lanczos

    made: NDArray[np.float32] = lanczos(torch, torch.nn.Identity(), ratio)(torch.from_numpy(pictures)).numpy()
    return made
