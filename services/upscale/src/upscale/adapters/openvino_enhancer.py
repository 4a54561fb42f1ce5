"""The enhancer on a CPU: OpenVINO, compiled once for each size of tile."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from chassis.telemetry import get_logger
from upscale.adapters.int8 import Integers
from upscale.adapters.openvino_graph import graph_of
from upscale.adapters.srvgg import Network
from upscale.ports import OutOfMemory

__all__ = ["OpenVinoEnhancer"]

_log = get_logger("upscale.openvino")
_NO_MEMORY = ("bad_alloc", "allocate", "out of memory", "Out of memory")


class OpenVinoEnhancer:
    """Runs the network on this machine's processor.

    ``precision`` ``auto`` takes the fastest of those that cost nothing visible, as measured on this machine, for having
    an instruction does not mean that it is quick: f32; bf16 and f16 where the processor has them; int8 where the model
    was rounded for it, which ``integers`` says. 10-bit pictures are always computed in f32.
    """

    batch = 1

    def __init__(
        self,
        network: Network,
        *,
        precision: str,
        threads: int | None = None,
        cache_dir: Path | None = None,
        integers: Integers | None = None,
    ) -> None:
        self._network = network
        self._core = ov.Core()
        self._cache_dir = cache_dir / "openvino" if cache_dir else None
        self._options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            self._options["INFERENCE_NUM_THREADS"] = threads
        self._integers = integers
        self.precision = self._fastest() if precision == "auto" else precision
        self._requests: dict[tuple[int, int, bool], Any] = {}

    @property
    def engine(self) -> str:
        """Software, version and precision."""
        return f"openvino-{ov.__version__.split('-')[0]}-{self.precision}"

    @property
    def padding(self) -> int:
        """The network's reach."""
        return self._network.reach

    def enhance(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """See the port."""
        deep = pictures.dtype != np.uint8
        try:
            return np.concatenate([self._enhanced(picture[None], deep) for picture in pictures])
        except MemoryError as error:
            raise OutOfMemory(str(error)) from error
        except RuntimeError as error:
            if any(words in str(error) for words in _NO_MEMORY):
                raise OutOfMemory(str(error)[:500]) from error
            raise

    def _enhanced(self, picture: NDArray[Any], deep: bool) -> NDArray[Any]:
        _, _, height, width = picture.shape
        request = self._requests.get((height, width, deep))
        if request is None:
            if len(self._requests) >= 2:
                self._requests.clear()  # another size of tile: the memory of the last is needed for it
            precision = "f32" if deep else self.precision
            request = self._compiled(height, width, precision, deep=deep).create_infer_request()
            self._requests[(height, width, deep)] = request
        request.infer([np.ascontiguousarray(picture)])
        result: NDArray[Any] = request.get_output_tensor(0).data.copy()
        return result

    def _compiled(self, height: int, width: int, precision: str, *, deep: bool = False) -> Any:
        model = self._graph(height, width, precision, deep=deep)
        options = {**self._options, **_hint(precision)}
        if self._cache_dir is not None:
            try:
                return self._core.compile_model(model, "CPU", {**options, "CACHE_DIR": str(self._cache_dir)})
            except RuntimeError as error:
                _log.warning("the cache of compiled models is of no use; compiling without", error=str(error)[:300])
        return self._core.compile_model(model, "CPU", options)

    def _graph(self, height: int, width: int, precision: str, *, deep: bool) -> Any:
        integers = self._integers if precision == "int8" else None
        return graph_of(self._network, height, width, deep=deep, integers=integers)

    def _fastest(self) -> str:
        """The quickest exact-looking precision on this processor; remembered beside the compiled models."""
        has = set(self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
        candidates = ["f32", *(name for name, flag in (("bf16", "BF16"), ("f16", "FP16")) if flag in has)]
        candidates += ["int8"] if self._integers else []
        name = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        processor = f"{name} / {ov.__version__} / {' '.join(candidates)}"
        place = self._cache_dir / "precision.json" if self._cache_dir else None
        known = _read(place)
        if known.get(processor) in candidates:
            return str(known[processor])
        seconds: dict[str, float] = {}
        for name in candidates:  # each is kept as it is known: whoever is ended in between goes on there
            trial = f"{processor} / {name}"
            found = known.get(trial)
            seconds[name] = found if isinstance(found, float) else _quickest(self._trial(name))
            _write(place, {trial: seconds[name]})
        best = min(seconds, key=lambda name: seconds[name])
        _log.info("measured precisions", best=best, **{name: round(value, 4) for name, value in seconds.items()})
        _write(place, {processor: best})
        return best

    def _trial(self, precision: str) -> Callable[[], object]:
        request = self._core.compile_model(
            self._graph(96, 128, precision, deep=False), "CPU", {**self._options, **_hint(precision)}
        ).create_infer_request()
        picture = np.zeros((1, 3, 96, 128), np.uint8)
        request.infer([picture])
        return lambda: request.infer([picture])


def _hint(precision: str) -> dict[str, str]:
    return {"INFERENCE_PRECISION_HINT": "f32" if precision == "int8" else precision}


def _quickest(run: Callable[[], object], times: int = 5) -> float:
    """Seconds of the quickest of a few runs: what others do on the machine only makes a run slower."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return min(taken)


def _read(path: Path | None) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text()) if path else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path | None, content: Mapping[str, str | float]) -> None:
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{time.time_ns()}.part")
        temporary.write_text(json.dumps({**_read(path), **content}))
        temporary.replace(path)
    except OSError as error:
        _log.warning("could not remember the fastest precision", error=repr(error))
