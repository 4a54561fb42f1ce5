"""If-Match: change a thing only if it is still what was read (RFC 9110, section 13.1.1).

It is never required: a script that means "whatever it is, make it this" need not read first. Who read first sends the
ETag, and loses nobody's work.
"""

from typing import Annotated

from fastapi import Depends, Header
from pydantic import BaseModel

from gateway.api.respond import etag_of
from gateway.domain.refusals import ChangedMeanwhile

__all__ = ["IfMatch", "Match"]


class Match:
    """What a client says it read."""

    def __init__(self, header: str | None) -> None:
        self._tags = None if header is None else {tag.strip() for tag in header.split(",")}

    def require(self, current: BaseModel | None) -> None:
        """Raise ChangedMeanwhile unless this is what was read; None, which nobody can have read, matches nothing.

        Nor does a weak tag: changes need a strong one.
        """
        if self._tags is None or (current is not None and ("*" in self._tags or etag_of(current) in self._tags)):
            return
        raise ChangedMeanwhile("this is not what you read any more; read it again")


def _match(
    if_match: Annotated[
        str | None,
        Header(
            description="The ETag you read: nothing is changed if somebody else has changed it meanwhile.",
            max_length=255,
        ),
    ] = None,
) -> Match:
    return Match(if_match)


IfMatch = Annotated[Match, Depends(_match)]
