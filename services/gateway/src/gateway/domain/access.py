"""Who may do what. Deny by default: a right that is not listed for a role is not granted."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

__all__ = ["RIGHTS_OF", "Caller", "Right", "Role", "may", "may_appoint"]


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
    ME_WRITE = "me:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    API_KEYS_READ = "api-keys:read"
    API_KEYS_WRITE = "api-keys:write"
    TENANT_READ = "tenant:read"
    TENANT_WRITE = "tenant:write"
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
    ALIGNMENTS_WRITE = "alignments:write"
    LOGOS_READ = "logos:read"
    LOGOS_WRITE = "logos:write"
    SEARCH_READ = "search:read"
    EVENTS_READ = "events:read"
    IDENTITY_PROVIDERS_READ = "identity-providers:read"
    IDENTITY_PROVIDERS_WRITE = "identity-providers:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    AUDIT_READ = "audit:read"
    ERASURES_READ = "erasures:read"
    SCRIPTS_ERASE = "scripts:erase"
    TENANT_ERASE = "tenant:erase"
    RETENTION_READ = "retention:read"
    RETENTION_WRITE = "retention:write"
    EXPORTS_READ = "exports:read"
    EXPORTS_WRITE = "exports:write"
    USAGE_READ = "usage:read"
    BUDGET_WRITE = "budget:write"
    RUNNERS_READ = "runners:read"
    RUNNERS_WRITE = "runners:write"


_MYSELF = frozenset({Right.ME_READ, Right.ME_WRITE})
_READ = _MYSELF | {
    Right.TENANT_READ,
    Right.UPLOADS_READ,
    Right.VIDEOS_READ,
    Right.SCRIPTS_READ,
    Right.JOBS_READ,
    Right.RESULTS_READ,
    Right.LOGOS_READ,
    Right.SEARCH_READ,
    Right.EVENTS_READ,
}
_WRITE = _READ | {
    Right.UPLOADS_WRITE,
    Right.VIDEOS_WRITE,
    Right.SCRIPTS_WRITE,
    Right.JOBS_WRITE,
    Right.ALIGNMENTS_WRITE,
    Right.LOGOS_WRITE,
    Right.USAGE_READ,
}
_GOVERN = _WRITE | {
    Right.VIDEOS_ERASE,
    Right.USERS_READ,
    Right.USERS_WRITE,
    Right.API_KEYS_READ,
    Right.API_KEYS_WRITE,
    Right.TENANT_WRITE,
    Right.IDENTITY_PROVIDERS_READ,
    Right.IDENTITY_PROVIDERS_WRITE,
    Right.WEBHOOKS_READ,
    Right.WEBHOOKS_WRITE,
    Right.AUDIT_READ,
    Right.ERASURES_READ,
    Right.SCRIPTS_ERASE,
    Right.RETENTION_READ,
    Right.RETENTION_WRITE,
    Right.EXPORTS_READ,
    Right.EXPORTS_WRITE,
    Right.BUDGET_WRITE,
    Right.RUNNERS_READ,
    Right.RUNNERS_WRITE,
}

RIGHTS_OF: dict[Role, frozenset[Right]] = {
    Role.OWNER: _GOVERN | {Right.TENANT_ERASE},
    Role.ADMIN: _GOVERN,
    Role.EDITOR: _WRITE,
    Role.VIEWER: _READ,
    Role.RUNNER: _MYSELF,
    Role.OPS: _MYSELF | {Right.EVENTS_READ, Right.JOBS_READ, Right.USAGE_READ, Right.RUNNERS_READ},
}
"""Erasing cannot be undone: it takes an admin or an owner. So do webhooks: they send news out of the house."""


def may(role: Role, right: Right) -> bool:
    """Whether a role carries a right."""
    return right in RIGHTS_OF.get(role, frozenset())


def may_appoint(by: Role, role: Role) -> bool:
    """Whether somebody may give this role, or change a user who has it: only owners touch owners."""
    return Right.USERS_WRITE in RIGHTS_OF.get(by, frozenset()) and (role is not Role.OWNER or by is Role.OWNER)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, as an access token or an API key says it."""

    user_id: UUID
    tenant_id: UUID
    role: Role
    session_id: UUID | None = None
    """The sign-in the access token came from; None for an API key."""
    scopes: frozenset[Right] | None = None
    """What the token or key was narrowed to; None for all that the role carries."""
    key_id: UUID | None = None
    """The API key that was shown; None for an access token."""

    @property
    def rights(self) -> frozenset[Right]:
        """What may be done: never more than the role carries, whatever the token says."""
        carried = RIGHTS_OF.get(self.role, frozenset())
        return carried if self.scopes is None else carried & self.scopes
