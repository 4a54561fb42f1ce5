"""``If-Match`` where two people may edit: what was read must be what is there."""

from typing import Annotated

from fastapi import Header

from gateway.domain.refusals import PreconditionRequired

__all__ = ["IfMatch", "matching"]

IfMatch = Annotated[
    str | None,
    Header(
        description="The ETag of what you read; without it, 428. `*` overwrites whatever is there.",
        max_length=1000,
        examples=['"019363a08c1e7b529d0f3a6c2f1e5b77-1-0"'],
    ),
]


class _Tags:
    def __init__(self, header: str) -> None:
        self._any = header.strip() == "*"
        self._tags = {tag.strip() for tag in header.split(",")} - {""}

    def __call__(self, tag: str) -> bool:
        if not self._any and not self._tags:
            raise PreconditionRequired("others may be editing this too: send the ETag you read as If-Match")
        return self._any or f'"{tag}"' in self._tags  # a weak tag matches nothing here (RFC 9110, section 13.1.1)


def matching(header: str | None) -> _Tags:
    """Whether a tag is among those of the header. Raises PreconditionRequired when it is asked and there is none.

    Asked, and not before: a thing that is not there is not there, whatever was sent.
    """
    return _Tags(header or "")
