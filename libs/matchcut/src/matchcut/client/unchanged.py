"""Which state of a thing was read, and changing it only if it is still that."""

from typing import TypeVar

import httpx
from pydantic import BaseModel
from typing_extensions import override

__all__ = ["Tagged", "if_match", "tagged"]

M = TypeVar("M", bound=BaseModel)


class Tagged(BaseModel):
    """Something that more than one may change. ``etag`` says which state was read; what is the same is equal."""

    etag: str | None = None

    @override
    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._said() == other._said()

    @override
    def __hash__(self) -> int:
        return hash(self._said())

    def _said(self) -> str:
        return self.model_dump_json(exclude={"etag"})


def if_match(etag: str | None) -> dict[str, str]:
    """The header that lets a change be refused (Changed) if somebody else was faster; none for no ETag."""
    return {} if etag is None else {"If-Match": etag}


def tagged(kind: type[M], response: httpx.Response) -> M:
    """What an answer says, with its ETag where the kind has a place for one."""
    found = kind.model_validate_json(response.content)
    if "etag" not in kind.model_fields or "etag" not in response.headers:
        return found
    return found.model_copy(update={"etag": response.headers["etag"]})
