"""Lists in pages, by cursor: stable while new things arrive."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, Protocol, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from gateway.domain.refusals import InvalidRequest

__all__ = ["Page", "PageAsked", "Paged", "page_of"]

T = TypeVar("T", bound=BaseModel)


class _HasId(Protocol):
    @property
    def id(self) -> UUID: ...


S = TypeVar("S", bound=_HasId)


class Page(BaseModel, Generic[T]):
    """Some of the things, newest first."""

    items: tuple[T, ...]
    next_cursor: str | None = Field(
        default=None, description="Give it as `cursor` to get the next page; null at the end."
    )


class PageAsked:
    """Which page somebody wants."""

    def __init__(self, limit: int = 50, cursor: str | None = None) -> None:
        self.limit = limit
        self.before = None if cursor is None else _decode(cursor)


async def _asked(
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 50,
    cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")] = None,
) -> PageAsked:
    return PageAsked(limit, cursor)


Paged = Annotated[PageAsked, Depends(_asked)]


def page_of(found: Sequence[S], asked: PageAsked, view: Callable[[S], T]) -> Page[T]:
    """A page of what was found with a limit one above the one asked for: the surplus says that there is more."""
    shown = found[: asked.limit]
    more = len(found) > asked.limit
    return Page(items=tuple(view(item) for item in shown), next_cursor=_encode(shown[-1].id) if more else None)


def _encode(last: UUID) -> str:
    """Ids are time-ordered (UUIDv7), so the last one seen says where to go on."""
    return base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")


def _decode(cursor: str) -> UUID:
    try:
        return UUID(bytes=base64.b64decode(f"{cursor}==".encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise InvalidRequest("this is not a cursor we gave out", field="cursor") from None
