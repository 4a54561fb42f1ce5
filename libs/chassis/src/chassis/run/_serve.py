"""A service from its first to its last breath."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import uvicorn
from typing_extensions import override

from chassis._endings import end
from chassis.database._signals import Signals
from chassis.outbox import Relay
from chassis.run._heads import MOST_HEAD_BYTES, PatientHttp
from chassis.run._http import Front
from chassis.run._service import Service
from chassis.run._vitals import Vitals
from chassis.telemetry import flush_traces, get_logger

__all__ = ["serve"]

_log = get_logger("chassis.run")
_SLACK_S = 5.0
"""Beyond the grace period, for what tidying up itself takes."""


async def serve(service: Service) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code, which is not 0 if a part was lost.

    At the end: stop reading and listening, let running work end or hand it back, send what it announced, and go.
    """
    life = _Life(service)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, life.asked_to_stop, signal.Signals(number).name)
    return await life.live()


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers: this process has one owner of its end."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Life:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._settings = service.settings
        self._stop = asyncio.Event()
        self._code = 0
        self._signals = Signals(str(self._settings.database_url), service=service.name)
        self._relay = Relay(service.database, service.bus.redis, self._signals)
        self._server = _Server(
            uvicorn.Config(
                Front(service),
                host=self._settings.http_host,
                port=self._settings.http_port,
                log_config=None,
                access_log=False,
                http=PatientHttp,
                h11_max_incomplete_event_size=MOST_HEAD_BYTES,
                # Else what comes on a connection after a long body belongs to that body's request: its trace, its logs.
                reset_contextvars=True,
                timeout_graceful_shutdown=max(1, int(self._settings.grace_s)),
            )
        )

    def asked_to_stop(self, name: str) -> None:
        """Begin the end; asked twice, end now. Children die with us."""
        if self._stop.is_set():
            _log.warning("asked to stop once more: ending at once", signal=name)
            os._exit(1)
        _log.info("stopping", signal=name, grace_s=self._settings.grace_s)
        self._stop.set()

    async def live(self) -> int:
        """All parts side by side; the first that is lost ends the others."""
        service, settings = self._service, self._settings
        plumbing = [
            self._start("signals", self._signals.run()),
            self._start("relay", self._relay.run()),
            self._start("vitals", Vitals(service).run(self._signals)),
        ]
        readers = [self._start("bus", service.bus.run(self._stop, lease_s=settings.lease_s))]
        if service.work is not None:
            readers.append(self._start("work", service.work.run(self._stop, self._signals, grace_s=settings.grace_s)))
        readers.append(self._start("http", self._serve_http()))
        background = [self._start("background", _call(function)) for function in service.background]
        _log.info("serving", host=settings.http_host, port=settings.http_port, facts=list(service.bus.subscriptions))
        await self._stop.wait()
        started = time.monotonic()
        await end(*background)
        _, late = await asyncio.wait(readers, timeout=settings.grace_s + _SLACK_S)
        await end(*late)
        await self._last_round()
        await end(*plumbing)
        await service.close()
        flush_traces()
        _log.info("stopped", exit_code=self._code, seconds=round(time.monotonic() - started, 2))
        return self._code

    def _start(self, name: str, part: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(part, name=name)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A part that fails, or that ends without being asked to, takes the process with it: supervisors restart it."""
        vanished = task.cancelled() and not self._stop.is_set()  # cancelled from within: nobody had asked
        if task.cancelled() and not vanished:
            return
        error = None if vanished else task.exception()
        if error is not None:
            _log.error("a part of the service was lost; ending", exc_info=error, part=task.get_name())
        elif self._stop.is_set() or (task.get_name() == "background" and not vanished):
            return
        else:
            _log.error("a part of the service ended by itself; ending", part=task.get_name())
        self._code = 1
        self._stop.set()

    async def _serve_http(self) -> None:
        serving = asyncio.create_task(self._server.serve())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        self._server.should_exit = True
        stopping.cancel()
        await serving

    async def _last_round(self) -> None:
        """Send what the last commits announced, if this replica leads; else the leader does."""
        if self._signals.leads:
            with contextlib.suppress(Exception):  # nothing is lost: it is in the outbox
                async with asyncio.timeout(2):
                    await self._relay.relay()


async def _call(function: Any) -> None:
    await function()
