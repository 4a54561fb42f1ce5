"""Runs a network on a GPU (or a CPU) with torch: bytes in, bytes out. Imports no numpy, and torch only when it is made.

On CUDA: half precision, channels last, batches as large as memory allows, compiled by torch where that works and gives
what the plain network gives, and copies both ways on streams of their own through pinned memory, so that they hide
behind the computing.
"""

import copy
import logging
import platform
import subprocess
from pathlib import Path
from typing import Any, Literal

from upscale.adapters.engine_shelf import EngineKey, EngineShelf

__all__ = ["TorchEngine"]

_log = logging.getLogger("upscale.torch")
_MOST = 4
"""Pictures computed at once; more gain nothing when the pictures are frames of film."""
_SHARE = 0.6
"""Of the free memory, for one batch."""
_CLOSE = 2
"""Code values by which a compiled engine may differ from the plain one, anywhere."""


class WrongEngine(RuntimeError):
    """What was compiled computes something else."""


class TorchEngine:
    """One network on one device.

    ``module`` takes and gives float32 pictures from 0 to 1. ``pixel_bytes``: memory a pixel of the source takes while
    it is computed. ``compiling``: ``auto`` does it on CUDA alone, where it pays. Floats are always computed in f32.
    """

    def __init__(
        self,
        module: Any,
        *,
        device: str = "auto",
        precision: str = "auto",
        pixel_bytes: int = 1000,
        network: str = "",
        cache: Path | None = None,
        compiling: Literal["auto", "always", "never"] = "auto",
    ) -> None:
        import torch  # heavy, and in the engines extra alone

        self._torch = torch
        self.device = torch.device(device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu")
        self.on_gpu = self.device.type == "cuda"
        self.precision = precision if precision in ("f32", "bf16", "f16") else "f16" if self.on_gpu else "f32"
        self._plain = module.eval().to(self.device)
        self._modules: dict[str, Any] = {}
        self._pixel_bytes = pixel_bytes
        self._network = network
        self._shelf = EngineShelf(cache / "torch" if cache else None)
        self._compiles = compiling == "always" or (compiling == "auto" and self.on_gpu)
        self._steps: dict[tuple[int, ...], Any] = {}
        self._most = _MOST if self.on_gpu else 1
        if self.on_gpu:
            torch.backends.cudnn.benchmark = True
            self._up, self._down = torch.cuda.Stream(self.device), torch.cuda.Stream(self.device)

    @property
    def batch(self) -> int:
        """Pictures that are best handed over at once: while one part is computed the next is on its way."""
        return 2 * self._most

    @property
    def compiled(self) -> int:
        """For how many shapes a compiled engine is in use."""
        return sum(step != self._step for step in self._steps.values())

    def run(self, pictures: Any) -> Any:
        """``(n, 3, height, width)`` on the host, uint8 or float32 from 0 to 1, made larger; the result has its type.

        Raises torch's OutOfMemoryError when a single picture does not fit.
        """
        torch = self._torch
        with torch.inference_mode():
            while True:
                count = min(self._most, self._fitting(pictures), len(pictures))
                try:
                    return self._piped(pictures, count) if self.on_gpu else self._plainly(pictures, count)
                except torch.cuda.OutOfMemoryError:
                    torch.cuda.empty_cache()
                    if count == 1:
                        raise
                self._most = count // 2
                _log.warning("out of memory: %d pictures at once", self._most)

    def _plainly(self, pictures: Any, count: int) -> Any:
        return self._torch.cat([self._computed(part, count) for part in pictures.split(count)])

    def _piped(self, pictures: Any, count: int) -> Any:
        """Copies and computing on three streams; the host waits once, at the end."""
        torch = self._torch
        computing = torch.cuda.current_stream(self.device)
        made, start = None, 0
        for part in pictures.split(count):
            with torch.cuda.stream(self._up):
                source = part.pin_memory().to(self.device, non_blocking=True)
            computing.wait_stream(self._up)
            source.record_stream(computing)
            result = self._computed(source, count)
            if made is None:
                made = torch.empty((len(pictures), *result.shape[1:]), dtype=result.dtype, pin_memory=True)
            self._down.wait_stream(computing)
            with torch.cuda.stream(self._down):
                made[start : start + len(part)].copy_(result, non_blocking=True)
            result.record_stream(self._down)
            start += len(part)
        self._down.synchronize()
        return made

    def _computed(self, source: Any, count: int) -> Any:
        """A batch on the device; one that is too short for a compiled engine is filled up."""
        deep = source.is_floating_point()
        if deep or not self._compiles:
            return self._step(source)
        short = count - len(source)
        if short:
            source = self._torch.cat([source, source[-1:].expand(short, -1, -1, -1)])
        result = self._step_for(source)(source)
        return result[: count - short] if short else result

    def _step(self, source: Any) -> Any:
        deep = source.is_floating_point()
        module = self._module("f32" if deep else self.precision)
        if deep:
            return module(source)
        return module(source.float().div(255)).mul(255).round().clamp(0, 255).to(self._torch.uint8)

    def _step_for(self, source: Any) -> Any:
        """What computes batches of this shape: compiled, where that works here."""
        shape = tuple(source.shape)
        if shape not in self._steps:
            self._steps[shape] = self._compiled(source) or self._step
        return self._steps[shape]

    def _compiled(self, source: Any) -> Any:
        """A compiled engine that gives what the plain one gives; None where there is none to be had."""
        torch, key = self._torch, self.key(tuple(source.shape))
        known = self._shelf.failed(key)
        if known:
            _log.info("not compiled, for it failed before: %s", known[:200])
            return None
        module = self._module(self.precision)

        def step(pictures: Any) -> Any:
            return module(pictures.float().div(255)).mul(255).round().clamp(0, 255).to(torch.uint8)

        try:
            with self._shelf.compiling(key):
                engine = self._compile(step)
                self._compare(engine(source), self._step(source))
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever a compiler does, the plain network computes the same)
            _log.warning("going on without a compiled engine: %s", str(error)[:500])
            self._shelf.remember(key, failed=f"{type(error).__name__}: {error}")
            return None
        self._shelf.remember(key)
        return engine

    def _compile(self, step: Any) -> Any:
        return self._torch.compile(step, dynamic=False, fullgraph=True)

    def _compare(self, made: Any, expected: Any) -> None:
        apart = (made.to(self._torch.int16) - expected.to(self._torch.int16)).abs().max().item()
        if apart > _CLOSE:
            raise WrongEngine(f"the compiled engine is {apart} code values off")

    def key(self, shape: tuple[int, ...]) -> EngineKey:
        """What an engine for this shape is good for."""
        torch = self._torch
        named = torch.cuda.get_device_name(self.device) if self.on_gpu else platform.processor() or platform.machine()
        software = f"torch {torch.__version__}, CUDA {torch.version.cuda}, {torch.backends.cpu.get_cpu_capability()}"
        return EngineKey(named, self._driver(), software, shape, self.precision, self._network)

    def _driver(self) -> str:
        if not self.on_gpu:
            return ""
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.split()[0]
        except (OSError, subprocess.SubprocessError, IndexError):
            return "unknown"

    def _module(self, precision: str) -> Any:
        """The network in a precision; the one it came in is f32."""
        if precision not in self._modules:
            kinds = {"f32": self._torch.float32, "bf16": self._torch.bfloat16, "f16": self._torch.float16}
            module = self._plain if precision == "f32" else copy.deepcopy(self._plain).to(kinds[precision])
            self._modules[precision] = module.to(memory_format=self._torch.channels_last)
        return self._modules[precision]

    def _fitting(self, pictures: Any) -> int:
        """Pictures that the free memory holds at once, by the book."""
        if not self.on_gpu:
            return self._most
        free, _ = self._torch.cuda.mem_get_info(self.device)
        held = self._torch.cuda.memory_reserved(self.device) - self._torch.cuda.memory_allocated(self.device)
        _, _, height, width = pictures.shape
        return max(1, int((free + held) * _SHARE / (height * width * self._pixel_bytes)))
