"""W3C Trace Context across the bus, with OpenTelemetry when it is wanted and without it when not.

A service that exports no traces still passes ``traceparent`` on, so that logs of one request share one trace id.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["configure_tracing", "current_trace_id", "flush_traces", "span", "trace_id", "traceparent"]

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)
_provider: Any = None
"""The OpenTelemetry tracer provider, or None while traces go nowhere."""


def configure_tracing(service: str) -> bool:
    """Export spans over OTLP/HTTP if ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set; False if it is not.

    OpenTelemetry is imported only then: it would cost an idle service 20 MB.
    """
    global _provider
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return False
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    _provider = TracerProvider(resource=Resource.create({"service.name": service}))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return True


def flush_traces() -> None:
    """Send what is still buffered; blocks for a few seconds at most."""
    if _provider is not None:
        _provider.shutdown()


def traceparent() -> str:
    """The W3C ``traceparent`` of what runs now; a fresh one where nothing was handed down."""
    value = _current.get()
    if value is None:
        value = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        _current.set(value)
    return value


def trace_id() -> str:
    """The 32 hex digits people search logs and traces by."""
    return traceparent().split("-")[1]


def current_trace_id() -> str | None:
    """Like ``trace_id``, without starting a trace."""
    value = _current.get()
    return None if value is None else value.split("-")[1]


@contextmanager
def span(name: str, *, parent: str | None = None, **attributes: str) -> Iterator[None]:
    """Run the block as one span under ``parent`` (a traceparent), or under the current one."""
    parent = parent or _current.get()
    if _provider is None:
        token = _current.set(parent)
        try:
            traceparent()
            yield
        finally:
            _current.reset(token)
        return
    with _exported(name, parent, attributes):
        yield


@contextmanager
def _exported(name: str, parent: str | None, attributes: dict[str, str]) -> Iterator[None]:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()
    context = propagator.extract({"traceparent": parent}) if parent else None
    with _provider.get_tracer("chassis").start_as_current_span(name, context=context, attributes=attributes):
        carrier: dict[str, str] = {}
        propagator.inject(carrier)
        token = _current.set(carrier.get("traceparent", parent))
        try:
            yield
        finally:
            _current.reset(token)
