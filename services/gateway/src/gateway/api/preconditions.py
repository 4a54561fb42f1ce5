"""``If-Match`` wherever something is edited (RFC 9110, section 13.1.1): one rule, for all of them.

Whoever sends the ETag they read changes nothing that somebody else has changed since: 412. ``*`` overwrites what is
there, and a weak tag matches nothing. Who sends none overwrites, as a script does that means "whatever it is, make it
this"; but not an alignment, which several people correct at once: there it must be said, or the answer is 428.
"""

from typing import Annotated

from fastapi import Depends, Header
from pydantic import BaseModel

from gateway.api.respond import etag_of
from gateway.domain.refusals import ChangedMeanwhile, PreconditionRequired

__all__ = ["IfMatch", "IfMatchNeeded", "Match"]

_MOST = 1000


class Match:
    """What a client says it read."""

    def __init__(self, header: str | None, *, needed: bool = False) -> None:
        self._needed = needed
        self._tags = {tag.strip() for tag in (header or "").split(",")} - {""}
        self._silent = header is None

    def require(self, current: BaseModel | None) -> None:
        """Raise ChangedMeanwhile unless this is what was read. None is what is not there, which nobody has read."""
        if not self._silent and (current is None or not self._names(etag_of(current))):
            raise ChangedMeanwhile("this is not what you read any more; read it again")

    def __call__(self, tag: str) -> bool:
        """Whether the thing of this tag was read. Raises PreconditionRequired where it must be said, and was not.

        Asked, and not before: a thing that is not there is not there, whatever was sent.
        """
        if self._needed and not self._tags:
            raise PreconditionRequired("others may be editing this too: send the ETag you read as If-Match")
        return self._silent or self._names(f'"{tag}"')

    def _names(self, etag: str) -> bool:
        return "*" in self._tags or etag in self._tags


async def _match(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="The ETag you read: nothing is changed if somebody else has changed it since.",
            max_length=_MOST,
        ),
    ] = None,
) -> Match:
    return Match(if_match)


async def _match_needed(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="The ETag of what you read; without it, 428. `*` overwrites whatever is there.",
            max_length=_MOST,
            examples=['"019363a08c1e7b529d0f3a6c2f1e5b77-1-0"'],
        ),
    ] = None,
) -> Match:
    return Match(if_match, needed=True)


IfMatch = Annotated[Match, Depends(_match)]
IfMatchNeeded = Annotated[Match, Depends(_match_needed)]
