"""The rules of upscaling and the tests that hold them: a rule without a test is a wish."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "upscaling.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", PAGE, flags=re.MULTILINE)
NAMED = [(int(number), name) for number, _, names in ROWS for name in re.findall(r"`([^`]+)`", names)]


def functions_of(path: Path) -> set[str]:
    """Names of the test functions of a module, without running it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_all_eighteen_rules_are_there_in_order_and_each_has_a_test() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 19))
    assert {number for number, _ in NAMED} == set(range(1, 19))


@pytest.mark.parametrize(("number", "name"), NAMED, ids=lambda value: str(value))
def test_a_test_that_is_said_to_hold_a_rule_exists(number: int, name: str) -> None:
    module, _, function = name.partition("::")

    assert (TESTS / module).is_file(), f"rule {number}"
    assert function in functions_of(TESTS / module), f"rule {number}"
