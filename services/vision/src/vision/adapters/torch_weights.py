"""Reads the tensors of a PyTorch checkpoint (``.pth``, the zip kind) without PyTorch and without running its pickle."""

import collections
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

__all__ = ["UnreadableWeights", "read_torch_weights"]

_STORAGE_TYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


class UnreadableWeights(Exception):
    """The file is no checkpoint this reader knows; install the package that ships it again."""


class _Tensors(pickle.Unpickler):
    """Knows the few names a state dict is made of and refuses all others, so that a hostile file can do nothing."""

    _known: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        **{("torch", name): kind for name, kind in _STORAGE_TYPES.items()},
    }

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(archive.open(f"{folder}/data.pkl"))
        self._archive, self._folder = archive, folder

    @override
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        try:
            return self._known[module, name]
        except KeyError:
            raise UnreadableWeights(f"the checkpoint asks for {module}.{name}, which no state dict needs") from None

    @override
    def persistent_load(self, pid: Any) -> NDArray[Any]:
        _, kind, key, *_ = pid
        return np.frombuffer(self._archive.read(f"{self._folder}/data/{key}"), kind)


def _rebuild(
    storage: NDArray[Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> NDArray[Any]:
    strides = tuple(step * storage.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides).copy()


def read_torch_weights(path: Path) -> dict[str, NDArray[Any]]:
    """All tensors of a state dict by name. Raises `UnreadableWeights`."""
    load: Callable[[], Any]
    try:
        with zipfile.ZipFile(path) as archive:
            folder = next(name for name in archive.namelist() if name.endswith("/data.pkl")).removesuffix("/data.pkl")
            load = _Tensors(archive, folder).load
            state = load()
    except (OSError, StopIteration, zipfile.BadZipFile, pickle.UnpicklingError, KeyError, ValueError) as problem:
        raise UnreadableWeights(f"{path.name} is not a PyTorch checkpoint: {problem}") from problem
    return {str(name): np.asarray(tensor) for name, tensor in state.items()}
