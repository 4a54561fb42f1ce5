"""The page on security names the test that holds each guard: is it there?"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)
GUARDS = [line for line in PAGE.splitlines() if line.startswith("| ") and "::test_" in line]


def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("path", "test"), NAMED, ids=[test for _, test in NAMED])
def test_the_test_that_holds_a_guard_exists(path: str, test: str) -> None:
    assert (ROOT / path).is_file(), f"{path} is gone: which test holds the guard now?"
    assert test in functions_of(path), f"{path} has no {test} any more: which test holds the guard now?"


def test_every_guard_names_the_test_that_holds_it() -> None:
    tables = re.findall(r"\| guard \| held by \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE)
    rows = [row for table in tables for row in table.splitlines()]

    assert len(rows) >= 50
    assert rows == GUARDS, "a guard without a test is a hope"


def test_every_border_of_trust_has_its_guards() -> None:
    sections = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)

    assert sections == [
        "Signing in",
        "Rights",
        "The walls between tenants",
        "What comes in",
        "What goes out",
        "Proof",
        "Suppliers",
    ]
