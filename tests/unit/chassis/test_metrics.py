"""What is measured has a name by the conventions, a description, a line in the manual, and rules that really use it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text()
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
KINDS = {"Counter", "Gauge", "Histogram", "Summary"}
FUNCTIONS = "sum|max|min|by|rate|increase|deriv|and|or|unless|histogram_quantile|on|ignoring|avg|count|without"


@dataclass(frozen=True)
class Metric:
    kind: str
    name: str
    about: str
    labels: tuple[str, ...]


def metrics() -> Iterator[Metric]:
    """Every Counter, Gauge and Histogram that our sources make."""
    for path in sorted([*ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]):
        text = path.read_text()
        if "prometheus_client" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                given = [ast.literal_eval(argument) for argument in node.args[:3]]
                yield Metric(node.func.id, given[0], given[1], tuple(given[2]) if len(given) > 2 else ())


METRICS = {metric.name: metric for metric in metrics()}


def test_there_are_metrics_and_none_is_made_twice() -> None:
    assert len(METRICS) > 30
    assert len(METRICS) == len(list(metrics()))


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_metric_is_named_by_the_conventions_and_described(metric: Metric) -> None:
    assert re.fullmatch(r"(chassis|gateway)_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "Counter")
    if metric.kind == "Histogram":
        assert metric.name.endswith("_seconds"), "the base unit comes last"
    assert not re.search(r"_(ms|milliseconds|minutes|mb|kb|percent)\b", metric.name)
    assert metric.about.endswith(".")
    assert len(metric.about) > 15


def test_no_metric_has_a_label_without_bound() -> None:
    """A series for each job or video would fill the metrics store; a tenant has one only among the first twenty."""
    labels = {(metric.name, label) for metric in METRICS.values() for label in metric.labels}

    assert {label for _, label in labels} <= {"stream", "reason", "kind", "outcome", "state", "tenant", "problem"}
    assert {name for name, label in labels if label == "tenant"} == {"chassis_tasks_in_flight"}


def test_the_manual_lists_every_metric_and_no_other() -> None:
    listed = set(re.findall(r"^\| `((?:chassis|gateway)_[a-z_]+)", PAGE, flags=re.MULTILINE))

    assert listed == set(METRICS)


def named_in(expression: str) -> set[str]:
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\((?:[a-z]+(?:, )?)+\)", " ", expression)
    words = set(re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", bare))
    return {word for word in words if not re.fullmatch(f"(?:{FUNCTIONS})|e[0-9]+", word)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_about_metrics_that_exist_and_leads_to_its_runbook(rule: dict[str, Any]) -> None:
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in named_in(rule["expr"])}
    labels = {label for name in names if name in METRICS for label in METRICS[name].labels}
    grouped = set(re.findall(r"[a-z]+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"]))))
    selected = set(re.findall(r"[{,]\s*([a-z]+)=", rule["expr"]))
    told = set(re.findall(r"\$labels\.([a-z]+)", rule["annotations"]["summary"]))

    assert names
    assert names <= set(METRICS)
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert grouped | selected <= labels | {"job", "instance"}
    assert told <= grouped
    assert rule["labels"]["severity"] in ("page", "ticket")
    path, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert path == "docs/operations.md"
    assert anchor in anchors()


def anchors() -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", PAGE, flags=re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alert_has_a_name_of_its_own() -> None:
    names = [rule["alert"] for rule in RULES]

    assert len(names) == len(set(names))
    assert {rule["alert"] for rule in RULES if f"`{rule['alert']}`" not in PAGE} == set()
