"""Who is doing what just now: gathered while a request is served, written down in the commit of what it changes.

A request has one deed. Whoever finds out more of it, says so here: who is asking, what was made. The database writes it
in the transaction that changes something (``adapters/witnessing.py``), and the edge of the API what was refused.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from uuid import UUID

from chassis.telemetry import trace_id
from contracts import uuid7
from gateway.domain.access import Caller
from gateway.domain.audit import Actor, Entry, Outcome
from gateway.ports import Origin

__all__ = [
    "Deed",
    "Place",
    "about",
    "changed",
    "current",
    "in_session",
    "known",
    "made",
    "remark",
    "waits",
    "witnessed",
]

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Place:
    """Which operation, of what. Known only once the request has found its route."""

    action: str
    resource: str
    resource_id: UUID | None


@dataclass(slots=True)
class Deed:
    """One request."""

    method: str
    origin: Origin
    place: Callable[[], Place | None]
    actor: Actor | None = None
    made: UUID | None = None
    remark: str | None = None
    waits: bool = False
    """Whether it is done by one transaction among several, which says so itself."""
    recorded: bool = False
    changes: bool = False
    """Whether it changes something though its method says that it only reads."""

    @property
    def writes(self) -> bool:
        """Whether it means to change something."""
        return self.changes or self.method not in ("GET", "HEAD", "OPTIONS")

    def entry(self, outcome: Outcome, *, status: int | None = None) -> Entry | None:
        """The line about it; None while nobody is known to have done it, or it is no operation of ours."""
        place = self.place()
        if self.actor is None or place is None:
            return None
        return Entry(
            id=uuid7(),
            action=place.action,
            method=self.method,
            resource=place.resource[:_LONGEST].replace("\x00", "\ufffd"),  # which PostgreSQL does not take
            resource_id=self.made or place.resource_id,
            outcome=outcome,
            status=status,
            user_id=self.actor.user_id,
            session_id=self.actor.session_id,
            key_id=self.actor.key_id,
            address=self.origin.address,
            agent=self.origin.agent,
            trace_id=trace_id(),
            remark=self.remark,
        )


_current: ContextVar[Deed | None] = ContextVar("deed", default=None)


@contextmanager
def witnessed(deed: Deed) -> Iterator[None]:
    """Let everything inside the block be part of this deed."""
    token = _current.set(deed)
    try:
        yield
    finally:
        _current.reset(token)
        deed.recorded = True  # a task that outlives the request writes nothing in its name


def current() -> Deed | None:
    """The deed this code is part of; None outside of any request."""
    return _current.get()


def known(caller: Caller) -> None:
    """It is this caller who asks."""
    about(caller.tenant_id, caller.user_id, session_id=caller.session_id, key_id=caller.key_id)


def about(tenant_id: UUID, user_id: UUID | None, *, session_id: UUID | None = None, key_id: UUID | None = None) -> None:
    """It concerns this user, who may or may not be the one who asks: a wrong password, say. The first word counts."""
    deed = _current.get()
    if deed is not None and deed.actor is None:
        deed.actor = Actor(tenant_id, user_id, session_id, key_id)


def in_session(session_id: UUID) -> None:
    """This sign-in has just begun."""
    deed = _current.get()
    if deed is not None and deed.actor is not None:
        deed.actor = replace(deed.actor, session_id=session_id)


def waits() -> None:
    """The change is made by a transaction that will call ``made`` or ``remark``; those before it only prepare it."""
    deed = _current.get()
    if deed is not None:
        deed.waits = True


def made(thing: object) -> None:
    """The transaction at hand has made, or changed, this: an object with an ``id``, or that holds one which has."""
    deed = _current.get()
    if deed is not None:
        deed.made = _id_of(thing) or deed.made
        deed.waits = False


def remark(text: str) -> None:
    """Something worth knowing, in words of ours."""
    deed = _current.get()
    if deed is not None:
        deed.remark = text
        deed.waits = False


def changed(tenant_id: UUID, user_id: UUID, text: str) -> None:
    """The transaction at hand changes this user, by a request that looks as if it read."""
    about(tenant_id, user_id)
    remark(text)
    deed = _current.get()
    if deed is not None:
        deed.changes = True


def _id_of(thing: object) -> UUID | None:
    found = getattr(thing, "id", None)
    if isinstance(found, UUID):
        return found
    fields = getattr(type(thing), "model_fields", {})
    inner = (getattr(getattr(thing, name), "id", None) for name in fields)
    return next((one for one in inner if isinstance(one, UUID)), None)
