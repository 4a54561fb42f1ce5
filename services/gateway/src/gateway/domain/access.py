"""Who may do what. Deny by default: a right that is not listed for a role is not granted."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

__all__ = ["RIGHTS_OF", "Caller", "Right", "Role", "may"]


class Role(StrEnum):
    """What a person or a program is to a tenant."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"
    RUNNER = "runner"
    """A machine that takes chunks to upscale; it sees nothing else."""
    OPS = "ops"
    """An operator: sees how jobs go, never what is in the films."""


class Right(StrEnum):
    """What a route asks for. The values are the OAuth2 scopes of the OpenAPI document."""

    ME_READ = "me:read"
    UPLOADS_READ = "uploads:read"
    UPLOADS_WRITE = "uploads:write"
    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    VIDEOS_ERASE = "videos:erase"
    SCRIPTS_READ = "scripts:read"
    SCRIPTS_WRITE = "scripts:write"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    RESULTS_READ = "results:read"


_READ = frozenset(
    {Right.ME_READ, Right.UPLOADS_READ, Right.VIDEOS_READ, Right.SCRIPTS_READ, Right.JOBS_READ, Right.RESULTS_READ}
)
_WRITE = _READ | {
    Right.UPLOADS_WRITE,
    Right.VIDEOS_WRITE,
    Right.VIDEOS_ERASE,
    Right.SCRIPTS_WRITE,
    Right.JOBS_WRITE,
}

RIGHTS_OF: dict[Role, frozenset[Right]] = {
    Role.OWNER: _WRITE,
    Role.ADMIN: _WRITE,
    Role.EDITOR: _WRITE - {Right.VIDEOS_ERASE},
    Role.VIEWER: _READ,
    Role.RUNNER: frozenset({Right.ME_READ}),
    Role.OPS: frozenset({Right.ME_READ, Right.JOBS_READ}),
}
"""Erasing cannot be undone: it takes an admin or an owner."""


def may(role: Role, right: Right) -> bool:
    """Whether a role carries a right."""
    return right in RIGHTS_OF.get(role, frozenset())


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, as an access token says it."""

    user_id: UUID
    tenant_id: UUID
    role: Role
