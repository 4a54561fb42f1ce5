"""What a service says about itself."""

import asyncio
import json
import logging

import pytest
from prometheus_client import REGISTRY

from chassis.telemetry import bound, configure_logging, get_logger, span, trace_id, traceparent

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def _restored_logging() -> object:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    return None


def test_a_json_line_names_service_and_ids_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("toy", form="json")

    with bound(tenant="t1", job=None), span("s", parent=PARENT):
        get_logger("here").info("it happened", attempt=2)

    line = json.loads(capsys.readouterr().err)
    assert (line["service"], line["logger"], line["level"], line["message"]) == ("toy", "here", "info", "it happened")
    assert (line["tenant"], line["attempt"], line["trace"]) == ("t1", 2, PARENT.split("-")[1])
    assert "job" not in line


def test_an_exception_brings_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("toy", form="console")

    try:
        raise ValueError("broken")
    except ValueError:
        get_logger("here").exception("it failed", key="k")

    text = capsys.readouterr().err
    assert "it failed key=k" in text
    assert "ValueError: broken" in text


def test_a_trace_goes_on_inside_a_span_and_ends_with_it() -> None:
    with span("handle", parent=PARENT):
        inside = traceparent()

    with span("handle"):
        outside = traceparent()

    assert inside == PARENT
    assert outside.split("-")[1] != PARENT.split("-")[1]


async def test_each_request_without_a_trace_starts_its_own() -> None:
    async def request() -> str:
        return trace_id()

    first, second = await asyncio.gather(asyncio.create_task(request()), asyncio.create_task(request()))

    assert first != second


def test_every_metric_says_what_it_counts() -> None:
    import chassis.telemetry.metrics  # noqa: F401 (registers them)

    ours = [metric for metric in REGISTRY.collect() if metric.name.startswith("chassis_")]

    assert len(ours) > 15
    assert all(metric.documentation.endswith(".") or ";" in metric.documentation for metric in ours)
    assert all(len(metric.documentation) > 15 for metric in ours)
