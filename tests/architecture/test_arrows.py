"""Do the arrows point one way?"""

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from contracts.registry import ANNOUNCED_BY, FACTS, HEARD_BY, SERVICES

ROOT = Path(__file__).resolve().parents[2]
CLASSES = {fact.__name__: fact for fact in FACTS.values()}
SAID_BY_ALL = {fact.__name__ for fact in ANNOUNCED_BY["every service"]}


def modules_of(service: str) -> list[Path]:
    modules = sorted((ROOT / "services" / service / "src").rglob("*.py"))
    assert modules, f"{service} has no code: this check would pass on nothing"
    return modules


def test_imports_point_the_way_the_readme_draws_them() -> None:
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
    assert "0 broken" in run.stdout


def test_contracts_lean_on_pydantic_alone() -> None:
    graph = grimp.build_graph("contracts", include_external_packages=True, cache_dir=None)

    imported = {
        upstream.split(".")[0]
        for module in graph.find_descendants("contracts") | {"contracts"}
        for upstream in graph.find_modules_directly_imported_by(module)
    }

    assert imported - set(sys.stdlib_module_names) - {"contracts"} == {"pydantic"}


def test_the_chassis_knows_the_envelope_and_what_every_service_says_and_no_fact_of_one() -> None:
    graph = grimp.build_graph("chassis", "contracts", cache_dir=None)

    known = {
        upstream
        for module in graph.find_descendants("chassis") | {"chassis"}
        for upstream in graph.find_modules_directly_imported_by(module)
        if upstream.startswith("contracts")
    }

    assert known
    assert known <= {"contracts", "contracts.event", "contracts.steps", "contracts.traces"}


def heard_in(tree: ast.Module) -> set[str]:
    """Facts named in ``@bus.on(Fact, …)`` or ``bus.on(Fact)(…)``."""
    return {
        node.args[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "on"
        and node.args
        and isinstance(node.args[0], ast.Name)
        and node.args[0].id in CLASSES
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_wakes_on_the_facts_the_table_says(service: str) -> None:
    heard = heard_in(ast.parse((ROOT / "services" / service / "src" / service / "handlers.py").read_text()))

    assert heard == {FACTS[stream].__name__ for stream, services in HEARD_BY.items() if service in services}


def constructed_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    } & set(CLASSES)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_announces_its_own_facts_all_of_them_and_no_other(service: str) -> None:
    said = set().union(*(constructed_in(path) for path in modules_of(service)))

    assert said - SAID_BY_ALL == {fact.__name__ for fact in ANNOUNCED_BY[service]}


COMMITS = (".commit(", ".begin()", "begin_nested(", ".rollback(")


def test_only_the_unit_of_work_commits() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{number}"
        for service in SERVICES
        for path in modules_of(service)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if any(word in line for word in COMMITS)
    ]

    assert offenders == []
