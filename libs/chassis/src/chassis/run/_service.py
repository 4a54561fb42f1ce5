"""A service, put together: what ``build`` of each ``main.py`` returns."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.bus import Bus
from chassis.database import Database
from chassis.models import Model
from chassis.run._settings import ServiceSettings
from chassis.work import Workbench

__all__ = ["Service"]


@dataclass(frozen=True)
class Service:
    """The parts of one service, not yet started."""

    name: str
    settings: ServiceSettings
    database: Database
    bus: Bus
    work: Workbench | None = None
    app: Any = None
    """An ASGI app with the service's own routes; /healthz, /readyz and /metrics are answered before it."""
    models: Sequence[Model] = ()
    """What ``models`` lists and fetches."""
    background: Sequence[Callable[[], Awaitable[None]]] = ()
    """Coroutines that run as long as the service; cancelled at its end. One that raises ends the process."""
    closing: Sequence[Callable[[], Awaitable[None]]] = ()
    """What gives back the connections that the service opened besides those of its bus and its database."""

    async def close(self) -> None:
        """Give every connection back. Nothing of the service may run any more."""
        for close in (*self.closing, self.bus.close, self.database.close):
            await close()
