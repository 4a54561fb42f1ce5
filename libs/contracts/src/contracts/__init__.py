"""The facts Matchcut's services announce, and the documents they write. Depends on pydantic alone."""

from contracts._uuid7 import uuid7
from contracts.event import Event, Fact

__all__ = ["Event", "Fact", "uuid7"]
