"""What reading needs of a bus, so that those who read know nothing of who sets them to it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from chassis.database import Database, UnitOfWork
from contracts.event import Event, Fact

__all__ = ["Handles", "Subscription"]

F = TypeVar("F", bound=Fact)
if TYPE_CHECKING:  # pydantic parametrises Event[F] at run time, and Callable then finds no variable left in it
    Handler = Callable[[Event[F], UnitOfWork], Awaitable[None]]


@dataclass(frozen=True)
class Subscription:
    """One fact and who handles it."""

    fact: type[Fact]
    handler: "Handler[Any]"
    gives_up_on: tuple[type[Exception], ...]


class Handles(Protocol):
    """A bus as its readers see it. Times are in seconds; ``Bus`` says what each means."""

    service: str
    consumer: str
    redis: Any
    redis_url: str
    database: Database
    lease_s: float
    tries: int
    base_s: float
    keep_s: float
    grace_s: float
    tidy_s: float
    patience_s: float

    @property
    def subscriptions(self) -> Mapping[str, Subscription]:
        """What is heard, by stream."""
        ...

    async def deliver(self, event: Event[Any]) -> bool:
        """Handle one event in one commit; False if it was handled before."""
        ...

    async def deliver_all(self, events: Sequence[Event[Any]], *, begins: Callable[[], None]) -> int:
        """Handle these events in one commit, or none of them; returns how many were not handled before."""
        ...

    async def ensure_groups(self) -> list[str]:
        """Create this service's groups where they are missing; returns on which streams they were."""
        ...
