"""Following a job: server-sent events while they come, asking again and again when they do not."""

import time
from collections.abc import Callable, Iterator
from uuid import UUID

import httpx

from matchcut.client.errors import ApiError, NotFound, Unauthorised, Unreachable, raise_for_problem
from matchcut.client.events import parse_events
from matchcut.client.resources import Job

__all__ = ["follow"]

_SILENCE_S = 45.0
"""The gateway sends a heartbeat every 15 s; after three missed ones the connection is dead."""
_POLL_S = 1.0


def follow(http: httpx.Client, job_id: UUID, *, poll: Callable[[], Job], patience_s: float) -> Iterator[Job]:
    """Yield the job at every change until it is finished.

    A broken stream is taken up where it ended (``Last-Event-ID``). When it cannot be had twice in a row, ``poll``
    answers instead, and the stream is tried again later. Unreachable is raised after ``patience_s`` without a word.
    """
    last: Job | None = None
    last_id: str | None = None
    heard = time.monotonic()
    failures, told_s = 0, 0.0
    while last is None or not last.finished:
        try:
            for job, event_id in _stream(http, job_id, last_id):
                last_id, heard, failures = event_id, time.monotonic(), 0
                if job != last:
                    last = job
                    yield job
        except (httpx.TransportError, ApiError) as fault:
            failures += 1
            told_s = (fault.retry_after_s or 0.0) if isinstance(fault, ApiError) else 0.0
            if isinstance(fault, Unauthorised) or (isinstance(fault, NotFound) and last is None):
                raise
            if time.monotonic() - heard > patience_s and isinstance(fault, httpx.TransportError):
                raise Unreachable(f"no word about job {job_id} for {patience_s:.0f} s: {fault}") from fault
        if last is not None and last.finished:
            return
        if failures >= 2:
            job = poll()  # patient itself, and raises in the end
            heard = time.monotonic()
            if job != last:
                last = job
                yield job
        time.sleep(max(_POLL_S, told_s) if failures else 0.05)


def _stream(http: httpx.Client, job_id: UUID, last_id: str | None) -> Iterator[tuple[Job, str | None]]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
    timeout = httpx.Timeout(10, read=_SILENCE_S)
    with http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers, timeout=timeout) as response:
        if response.status_code >= 400:
            response.read()
            raise_for_problem(response)
        for event in parse_events(response.iter_lines()):
            if event.name == "job":
                yield Job.model_validate_json(event.data), event.id
