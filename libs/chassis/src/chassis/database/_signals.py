"""One connection of its own that listens for NOTIFY, and holds the lock of the service's leader."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg

from chassis.telemetry import get_logger
from chassis.telemetry.metrics import LEADER

__all__ = ["Signals"]

_log = get_logger("chassis.database")
_LEADER_LOCK = 0x6C65_6164
_LOST = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # used between the server's last word and the end of the connection
)
_PULSE_S = 1.0
_ANSWER_S = 5.0
_DEPOSE = """
SELECT pg_terminate_backend(leader.pid) FROM pg_locks lock JOIN pg_stat_activity leader USING (pid)
WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 2
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND lock.classid = $1::int4::oid AND lock.objid = hashtext($2)::oid
  AND leader.state_change < clock_timestamp() - make_interval(secs => $3)
"""
"""Ends the session that holds the lock, if it has been silent for so long: a role may do so to its own sessions."""


class Signals:
    """Wakes waiters when a commit says there is something to do, and says whether this replica leads.

    The lock belongs to the session: when the leader dies PostgreSQL frees it at once, and another replica has it within
    a second. A leader that is frozen, or whose machine vanished, dies for nobody: its session stays. So a leader says
    something every second, and one that was silent for ``silent_s`` is deposed by whoever waits for the lock. Should it
    wake, it may finish the round it was in before it hears of that; what two leaders do at once is fenced by the rows.
    A connection pooler in transaction mode would break both LISTEN and the lock: connect directly.
    """

    def __init__(self, url: str, *, service: str, silent_s: float = 5.0) -> None:
        self._url = str(url).replace("postgresql+asyncpg://", "postgresql://")
        self._service = service
        self._silent_s = silent_s
        self._woken: dict[str, asyncio.Event] = {}
        self._callbacks: dict[str, list[Callable[[str], None]]] = {}
        self._leads = asyncio.Event()
        self.heard_at = time.monotonic()
        """When PostgreSQL last answered here, on the monotonic clock."""
        self.gap: tuple[float, float] = (0.0, self.heard_at)
        """For how many seconds PostgreSQL could not be heard when it last was, and when it was heard again."""

    @property
    def leads(self) -> bool:
        """Whether this replica relays and dispatches for its service now."""
        return self._leads.is_set()

    async def until_leading(self) -> None:
        """Wait until this replica leads."""
        await self._leads.wait()

    def on(self, topic: str, callback: Callable[[str], None]) -> None:
        """Call ``callback`` with the payload of each notification of this topic."""
        self._callbacks.setdefault(topic, []).append(callback)

    async def wait(self, topic: str, timeout_s: float) -> None:
        """Return when the topic is notified, or after ``timeout_s``.

        Clear first (``forget``), then look for work, then wait: else a notification between the look and the wait is
        lost until the timeout.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._event(topic).wait()

    def forget(self, topic: str) -> None:
        """Clear the topic before looking for what it announced."""
        self._event(topic).clear()

    def wake(self, topic: str) -> None:
        """Wake this process's waiters, as a notification would."""
        self._event(topic).set()

    async def run(self) -> None:
        """Listen until cancelled; connect again whenever the connection is lost."""
        while True:
            try:
                await self._listen()
            except _LOST as error:
                _log.warning("lost the listening connection to PostgreSQL", error=repr(error))
            finally:
                self._step_down()
            await asyncio.sleep(_PULSE_S)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._url,
            timeout=10,
            command_timeout=_ANSWER_S,
            server_settings={"application_name": f"{self._service} signals"},
        )
        closed = asyncio.Event()
        connection.add_termination_listener(lambda _: closed.set())
        try:
            for topic in ("outbox", "tasks", "cancelled"):
                await connection.add_listener(f"{self._service}_{topic}", self._heard)
                self.wake(topic)  # whatever was notified while nobody listened
            while not closed.is_set():
                await self._pulse(connection)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PULSE_S):
                        await closed.wait()
        finally:
            self._step_down()
            with suppress(*_LOST):
                await connection.close(timeout=2)

    async def _pulse(self, connection: Any) -> None:
        """Try for the lock, or make sure that the connection which holds it is alive."""
        if self.leads:
            await connection.fetchval("SELECT 1", timeout=_ANSWER_S)
            self._note_answer()
            return
        lock = "SELECT pg_try_advisory_lock($1, hashtext($2))"
        ours = await connection.fetchval(lock, _LEADER_LOCK, self._service, timeout=_ANSWER_S)
        self._note_answer()
        if ours:
            self._leads.set()
            LEADER.set(1)
            self.wake("outbox")
            self.wake("tasks")
        elif await connection.fetchval(_DEPOSE, _LEADER_LOCK, self._service, self._silent_s, timeout=_ANSWER_S):
            _log.warning("the leader was silent for too long and is deposed")

    def _note_answer(self) -> None:
        now = time.monotonic()
        silent_s, known_s = now - self.heard_at, self.gap[0]
        # The pause between two pulses is no gap, and a short gap does not make us forget a long one just before it.
        if silent_s > 2 * _PULSE_S and (silent_s > known_s or now - self.gap[1] > known_s):
            self.gap = (silent_s, now)
        self.heard_at = now

    def _step_down(self) -> None:
        self._leads.clear()
        LEADER.set(0)

    def _heard(self, _connection: Any, _pid: int, channel: str, payload: str) -> None:
        topic = channel.removeprefix(f"{self._service}_")
        self.wake(topic)
        for callback in self._callbacks.get(topic, ()):
            callback(payload)

    def _event(self, topic: str) -> asyncio.Event:
        return self._woken.setdefault(topic, asyncio.Event())
