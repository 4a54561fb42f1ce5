"""Traces leave the process when somebody asks for them."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from typing_extensions import override

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SCRIPT = f"""
from chassis.telemetry import configure_tracing, flush_traces, span, traceparent
assert configure_tracing("toy")
with span("handle", parent="{PARENT}", stream="s"):
    print(traceparent())
flush_traces()
"""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


async def run(endpoint: str | None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    if endpoint is not None:
        environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    return out.decode().strip() or errors.decode()


async def test_a_span_arrives_under_its_parent_and_hands_itself_on(collector: tuple[str, list[bytes]]) -> None:
    endpoint, received = collector

    handed_on = await run(endpoint)

    request = ExportTraceServiceRequest.FromString(received[0])
    (span,) = request.resource_spans[0].scope_spans[0].spans
    assert span.name == "handle"
    assert span.trace_id.hex() == PARENT.split("-")[1]
    assert span.parent_span_id.hex() == PARENT.split("-")[2]
    assert ("service.name", "toy") in {
        (a.key, a.value.string_value) for a in request.resource_spans[0].resource.attributes
    }
    assert handed_on == f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"


async def test_without_an_address_nothing_is_exported_or_loaded() -> None:
    assert "AssertionError" in await run(None)
