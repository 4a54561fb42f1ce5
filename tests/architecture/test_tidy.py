"""Is the house tidy? Sizes, names, and nothing of one machine in the files of all."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES_OF_A_MODULE = 300
LINES_OF_A_FUNCTION = 50
LINES_OF_A_HANDLER = 10
DRAWERS = {"utils", "util", "common", "base", "core", "helpers", "helper", "shared", "misc", "manager", "tools"}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    return [ROOT / path for path in listed if path and (ROOT / path).is_file()]


SOURCES = [path for path in tracked("libs/*.py", "services/*.py") if "/src/" in str(path)]
EVERYTHING = tracked()


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 50
    assert len(EVERYTHING) > 100


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_tidy(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    limit = LINES_OF_A_HANDLER if path.name == "handlers.py" else LINES_OF_A_FUNCTION

    assert ast.get_docstring(tree), "a module says in its first line what it is for"
    assert len(text.splitlines()) <= LINES_OF_A_MODULE
    assert path.stem not in DRAWERS, "a drawer: name the module by what it does"
    assert not DRAWERS & set(path.parent.parts[len(ROOT.parts) :])
    for function in functions:
        if path.name == "handlers.py" and function.name == "register":
            continue  # it holds the handlers, one after the other
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= limit, f"{function.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_left_for_later_or_swallowed(path: Path) -> None:
    text = path.read_text()

    assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", text)
    assert not re.search(r"except Exception:\s*(#.*)?\n\s*pass\b", text)
    assert not re.search(r"# type: ignore\s*$", text, re.MULTILINE)


FORBIDDEN = {
    "a path of one machine": re.compile(rf"{re.escape(str(ROOT.parent))}/|/root/|/home/\w+/"),
    "a registry's address": re.compile(r"--(extra-)?index-url|--find-links|files\.pythonhosted|registry\.npmjs"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
}


def test_no_file_names_a_machine_a_registry_or_a_secret() -> None:
    offences = [
        f"{path.relative_to(ROOT)}: {what}"
        for path in EVERYTHING
        if path.suffix not in {".png", ".jpg"} and path != Path(__file__)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(
            path.read_text(errors="replace").replace("--no-emit-find-links", "").replace("--no-emit-index-url", "")
        )
    ]

    assert offences == []


def test_no_lock_file_with_addresses_is_kept() -> None:
    assert [path.name for path in EVERYTHING if path.name in {"uv.lock", "poetry.lock"}] == []


PINS = tracked("requirements/*.txt")


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_every_pin_is_exact_and_hashed(path: Path) -> None:
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", path.read_text())
    pins = [block for block in blocks if re.match(r"[a-zA-Z0-9._-]+(\[[^]]*\])?==", block)]

    assert pins
    for block in blocks:
        if not block.startswith("#"):
            assert "==" in block.split("\n")[0], block.split("\n")[0]
            assert "--hash=sha256:" in block, block.split("\n")[0]
