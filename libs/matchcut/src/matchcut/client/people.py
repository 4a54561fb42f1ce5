"""People, their sessions, and keys for programs: the part of the API that says who may do what."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict

from matchcut.client.errors import Unreachable, raise_for_problem
from matchcut.client.unchanged import Tagged, if_match, tagged

__all__ = [
    "ApiKey",
    "Invitation",
    "NewApiKey",
    "People",
    "Role",
    "Session",
    "Tenant",
    "User",
    "accept_invitation",
]

M = TypeVar("M", bound=BaseModel)
Role = Literal["owner", "admin", "editor", "viewer", "runner", "ops"]


class _Resource(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Session(_Resource):
    """A sign-in that goes on."""

    id: UUID
    address: str
    agent: str
    current: bool
    created_at: datetime
    used_at: datetime
    expires_at: datetime


class User(Tagged, _Resource):
    """Somebody of our tenant."""

    id: UUID
    email: str
    role: str
    state: Literal["invited", "active", "disabled"]
    created_at: datetime


class Invitation(_Resource):
    """Somebody who may choose a password by ``invitation``, which is shown once."""

    user: User
    invitation: str
    expires_at: datetime


class ApiKey(_Resource):
    """A key without its secret. ``prefix`` is how it begins."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    scopes: tuple[str, ...]
    state: Literal["active", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None


class NewApiKey(_Resource):
    """A key and its secret, which is shown once: ``Credentials(token=made.secret)``."""

    api_key: ApiKey
    secret: str


class Tenant(Tagged, _Resource):
    """Our tenant."""

    id: UUID
    name: str


class _Calls(Protocol):
    def _get(self, kind: type[M], path: str, **query: Any) -> M: ...
    def _post(self, kind: type[M], path: str, body: Mapping[str, Any]) -> M: ...
    def _pages(self, kind: type[M], path: str) -> Iterator[M]: ...
    def _send(self, method: str, path: str, **request: Any) -> httpx.Response: ...


class People:
    """What ``Matchcut`` can do about people and keys."""

    def change_password(self: _Calls, current: str, new: str) -> None:
        """Change our password; everywhere else we are signed out."""
        self._send("PUT", "/v1/me/password", json={"current_password": current, "new_password": new})

    def sessions(self: _Calls, user_id: UUID | None = None) -> tuple[Session, ...]:
        """Where we are signed in, or where one of our users is."""
        return tuple(self._pages(Session, f"/v1/users/{user_id}/sessions" if user_id else "/v1/me/sessions"))

    def end_session(self: _Calls, session_id: UUID) -> None:
        """Sign out there."""
        self._send("DELETE", f"/v1/me/sessions/{session_id}")

    def end_sessions(self: _Calls, user_id: UUID | None = None) -> None:
        """Sign out everywhere but here; or sign one of our users out everywhere."""
        self._send("DELETE", f"/v1/users/{user_id}/sessions" if user_id else "/v1/me/sessions")

    def users(self: _Calls) -> Iterator[User]:
        """The people of our tenant, newest first."""
        return self._pages(User, "/v1/users")

    def user(self: _Calls, user_id: UUID) -> User:
        """One of them."""
        return self._get(User, f"/v1/users/{user_id}")

    def invite(self: _Calls, email: str, role: Role) -> Invitation:
        """Invite somebody. No mail is sent: hand ``invitation`` over."""
        return self._post(Invitation, "/v1/users", {"email": email, "role": role})

    def invite_again(self: _Calls, user_id: UUID) -> Invitation:
        """Let somebody choose a new password."""
        return self._post(Invitation, f"/v1/users/{user_id}/invitation", {})

    def change_user(
        self: _Calls,
        user_id: UUID,
        *,
        role: Role | None = None,
        disabled: bool | None = None,
        etag: str | None = None,
    ) -> User:
        """Give somebody another role, disable or enable them. Raises Conflict for the last owner.

        With the ``etag`` that was read, only if nobody else has changed them: raises Changed.
        """
        change = {name: value for name, value in (("role", role), ("disabled", disabled)) if value is not None}
        answer = self._send("PATCH", f"/v1/users/{user_id}", json=change, headers=if_match(etag))
        return tagged(User, answer)

    def remove_user(self: _Calls, user_id: UUID, *, etag: str | None = None) -> None:
        """Erase somebody with their sessions and keys; see ``erasures``. Raises Conflict for the last owner."""
        self._send("DELETE", f"/v1/users/{user_id}", headers=if_match(etag))

    def api_keys(self: _Calls) -> Iterator[ApiKey]:
        """Keys for programs, newest first."""
        return self._pages(ApiKey, "/v1/api-keys")

    def api_key(self: _Calls, key_id: UUID) -> ApiKey:
        """One of them."""
        return self._get(ApiKey, f"/v1/api-keys/{key_id}")

    def make_api_key(
        self: _Calls, name: str, scopes: Sequence[str], *, expires_at: datetime | None = None
    ) -> NewApiKey:
        """Make a key for a program. ``expires_at`` needs a time zone."""
        wanted: dict[str, Any] = {"name": name, "scopes": list(scopes)}
        if expires_at is not None:
            wanted["expires_at"] = expires_at.isoformat()
        return self._post(NewApiKey, "/v1/api-keys", wanted)

    def revoke_api_key(self: _Calls, key_id: UUID) -> None:
        """Make a key worthless, for good."""
        self._send("DELETE", f"/v1/api-keys/{key_id}")

    def tenant(self: _Calls, tenant_id: UUID) -> Tenant:
        """Our tenant; its id is ``me().tenant_id``."""
        return self._get(Tenant, f"/v1/tenants/{tenant_id}")

    def rename_tenant(self: _Calls, tenant_id: UUID, name: str, *, etag: str | None = None) -> Tenant:
        """Give our tenant another name; with the ``etag`` that was read, only if it is still that: raises Changed."""
        answer = self._send("PATCH", f"/v1/tenants/{tenant_id}", json={"name": name}, headers=if_match(etag))
        return tagged(Tenant, answer)


def accept_invitation(url: str, invitation: str, password: str) -> None:
    """Choose a password by an invitation, for which nobody has to be signed in. Raises Invalid, Unreachable."""
    body = {"invitation": invitation, "password": password}
    try:
        answer = httpx.post(f"{url.rstrip('/')}/v1/auth/accept-invitation", json=body, trust_env=False)
    except httpx.TransportError as fault:
        raise Unreachable(f"no answer from {url}: {fault}") from fault
    raise_for_problem(answer)
