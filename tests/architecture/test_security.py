"""The page on security names the test that holds each guard: is it there?"""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)
GUARDS = [line for line in PAGE.splitlines() if line.startswith("| ") and "::test_" in line]


TOPICS = {
    "tests/component/gateway/test_tus.py",
    "tests/component/gateway/test_imports.py",
    "tests/component/gateway/test_direct_uploads.py",
    "tests/component/gateway/test_single_sign_on.py",
    "tests/integration/gateway/test_live_events.py",
    "tests/integration/gateway/test_outbound.py",
    "tests/integration/gateway/test_quotas.py",
    "tests/integration/gateway/test_rate_limits.py",
    "tests/integration/gateway/test_usage.py",
}
"""Where the guards of what strangers reach are tested: the page must name some of each."""


def functions_of(path: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse((ROOT / path).read_text())
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name: node for node in found}


def looks_at_something(function: ast.AST, known: Mapping[str, ast.AST]) -> bool:
    """Whether it asserts, or expects an error, itself or by what it calls in its module."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant):
            return True
        if isinstance(node, ast.Attribute) and node.attr in ("raises", "warns"):
            return True
        called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if called in known and looks_at_something(known[called], {n: f for n, f in known.items() if n != called}):
            return True
    return False


def is_skipped(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("skip" in ast.dump(mark) or "xfail" in ast.dump(mark) for mark in function.decorator_list)


@pytest.mark.parametrize(("path", "test"), NAMED, ids=[test for _, test in NAMED])
def test_the_test_that_holds_a_guard_exists(path: str, test: str) -> None:
    assert (ROOT / path).is_file(), f"{path} is gone: which test holds the guard now?"
    known = functions_of(path)
    assert test in known, f"{path} has no {test} any more: which test holds the guard now?"
    assert looks_at_something(known[test], known), f"{test} cannot fail: it holds nothing"
    assert not is_skipped(known[test]), f"{test} is skipped: it holds nothing"


def test_every_guard_names_the_test_that_holds_it() -> None:
    tables = re.findall(r"\| guard \| held by \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE)
    rows = [row for table in tables for row in table.splitlines()]

    assert len(rows) >= 90
    assert rows == GUARDS, "a guard without a test is a hope"
    assert len(tables) == len(re.findall(r"^### ", PAGE, re.MULTILINE)), "a table of another head is not read"
    assert {len(re.findall(r"`tests/[\w/]+\.py::test_\w+`", row)) for row in rows} == {1}
    assert len({row.split(" | ")[0] for row in rows}) == len(rows), "a guard that is named twice"
    assert len(NAMED) == len(rows)


def test_what_strangers_reach_has_its_guards() -> None:
    assert {path for path, _ in NAMED} >= TOPICS


def test_a_test_that_looks_at_nothing_holds_no_guard() -> None:
    module = ast.parse("def test_a(): look()\ndef look(): assert x\ndef test_b(): act()\ndef test_c(): assert 1")
    known = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}

    held = {name: looks_at_something(function, known) for name, function in known.items()}

    assert held == {"test_a": True, "look": True, "test_b": False, "test_c": False}


def test_every_border_of_trust_has_its_guards() -> None:
    sections = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)

    assert sections == [
        "Signing in",
        "Rights",
        "The walls between tenants",
        "Machines that are lent",
        "What comes in",
        "What goes out",
        "Proof",
        "Suppliers",
    ]
