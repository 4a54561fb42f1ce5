"""What a service says about itself: structured logs, traces that cross the bus, and counters.

Counters live in ``chassis.telemetry.metrics``; they are imported by whoever counts, so that a child process that only
logs does not load them.
"""

from chassis.telemetry._logs import Logger, bound, configure_logging, get_logger
from chassis.telemetry._trace import configure_tracing, flush_traces, span, trace_id, traceparent

__all__ = [
    "Logger",
    "bound",
    "configure_logging",
    "configure_tracing",
    "flush_traces",
    "get_logger",
    "span",
    "trace_id",
    "traceparent",
]
