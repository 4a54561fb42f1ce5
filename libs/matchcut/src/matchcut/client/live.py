"""Following everything that happens: server-sent events that are taken up where they broke off."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

from matchcut.client.errors import ApiError, Unreachable, raise_for_problem
from matchcut.client.events import ServerEvent, parse_events

__all__ = ["LiveEvent", "follow_events"]

_SILENCE_S = 45.0
"""The gateway says something every 15 s; after three missed times the connection is dead."""
_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_PASSING = frozenset({429, 502, 503, 504})


class LiveEvent(BaseModel):
    """Something that happened. ``type`` is ``job.finished`` and the like, as webhooks have it, or ``reset``.

    ``reset``: what happened before cannot be told any more; read anew what you need to know.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    """Give it as ``after`` to go on behind this event, in another process say."""
    type: str
    timestamp: datetime | None = None
    data: dict[str, Any] = {}


def follow_events(
    http: httpx.Client, query: Mapping[str, Any], *, after: str | None, patience_s: float
) -> Iterator[LiveEvent]:
    """Events for ever, each once and in order, whatever breaks meanwhile.

    Raises what the gateway refuses with, and Unreachable after ``patience_s`` without a word.
    """
    last, heard, pause_s = after, time.monotonic(), _PAUSE_S
    while True:
        fault: Exception | None = None
        try:
            for event in _stream(http, query, last):
                heard, pause_s = time.monotonic(), _PAUSE_S
                last = event.id or last
                if event.name not in ("ready", ""):
                    yield _live(event)
        except httpx.TransportError as broken:
            fault = broken
        except ApiError as refused:
            if refused.status not in _PASSING:
                raise
            fault, pause_s = refused, max(pause_s, refused.retry_after_s or 0.0)
        if fault is not None and time.monotonic() - heard > patience_s:
            if isinstance(fault, ApiError):
                raise fault
            raise Unreachable(f"no word of events for {patience_s:.0f} s: {fault}") from fault
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.6, _LONGEST_PAUSE_S)


def _stream(http: httpx.Client, query: Mapping[str, Any], last: str | None) -> Iterator[ServerEvent]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last is not None else {})
    timeout = httpx.Timeout(10, read=_SILENCE_S)
    with http.stream("GET", "/v1/events", params=query, headers=headers, timeout=timeout) as response:
        if response.status_code >= 400:
            response.read()
            raise_for_problem(response)
        yield from parse_events(response.iter_lines(), with_places=True)


def _live(event: ServerEvent) -> LiveEvent:
    message = json.loads(event.data)
    return LiveEvent(
        id=event.id or "", type=event.name, timestamp=message.get("timestamp"), data=message.get("data", {})
    )
