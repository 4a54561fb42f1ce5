"""People, sessions and keys as clients see them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.api.schemas import Line, Moment
from gateway.domain.access import Right, Role

__all__ = [
    "Acceptance",
    "ApiKey",
    "ApiKeyRequest",
    "Grant",
    "Invitation",
    "InvitationRequest",
    "Me",
    "NewApiKey",
    "NewPassword",
    "OAuthError",
    "Session",
    "SessionList",
    "Tenant",
    "TenantChange",
    "User",
    "UserChange",
]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_AT = "2026-11-22T16:30:00Z"
_TOKEN = "AZNjoIweewKdDzpsLx5bdw…"

Email = Annotated[
    str,
    StringConstraints(max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$"),
    Field(examples=["anna@example.org"]),
]
Password = Annotated[str, StringConstraints(min_length=8, max_length=1024, pattern=r"^[^\x00]*$")]


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class _Asked(BaseModel):
    """A request body. A field we do not know is more likely a typing error than meant to be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Grant(BaseModel):
    """Tokens for somebody who signed in (RFC 6749, section 5.1)."""

    model_config = _example(
        access_token="eyJhbGciOiJFUzI1NiIs…",
        token_type="bearer",
        expires_in=900,
        refresh_token=_TOKEN,
        scope="jobs:read me:read me:write results:read",
    )

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int = Field(description="Seconds the access token lives.")
    refresh_token: str = Field(description="Good once: each use brings the next one. Keep it secret.")
    scope: str = Field(description="What the access token may do, separated by spaces.")


class OAuthError(BaseModel):
    """Why there is no token (RFC 6749, section 5.2), with the members of a problem beside it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "error": "invalid_grant",
                    "error_description": "the user name or the password is wrong",
                    "type": "/problems/invalid-grant",
                    "status": 400,
                }
            ]
        },
    )

    error: Literal["invalid_request", "invalid_grant", "unsupported_grant_type", "invalid_scope"]
    error_description: str


class Me(BaseModel):
    """Who is calling."""

    model_config = _example(
        id=_ID, email="anna@example.org", role="editor", tenant_id=_ID, tenant="Studio", rights=["me:read"]
    )

    id: UUID
    email: str
    role: str
    tenant_id: UUID
    tenant: str
    rights: tuple[Right, ...] = Field(description="What this token or key may do.")


class NewPassword(_Asked):
    """Another password."""

    model_config = _Asked.model_config | _example(
        current_password="correct horse battery staple", new_password="a longer one than before"
    )

    current_password: Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]
    new_password: Password


class Acceptance(_Asked):
    """An invitation and the password chosen by it."""

    model_config = _Asked.model_config | _example(invitation=_TOKEN, password="correct horse battery staple")

    invitation: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    password: Password


class Session(BaseModel):
    """A sign-in that goes on."""

    model_config = _example(
        id=_ID, address="203.0.113.7", agent="Mozilla/5.0", current=True, created_at=_AT, used_at=_AT, expires_at=_AT
    )

    id: UUID
    address: str = Field(description="Where it was begun; of IPv6 the network.")
    agent: str = Field(description="What the program called itself.")
    current: bool = Field(description="Whether this request belongs to it.")
    created_at: datetime
    used_at: datetime = Field(description="When its tokens were renewed last.")
    expires_at: datetime


class SessionList(BaseModel):
    """All sign-ins that go on, newest first."""

    items: tuple[Session, ...]


class User(BaseModel):
    """Somebody of your tenant."""

    model_config = _example(id=_ID, email="bert@example.org", role="editor", state="active", created_at=_AT)

    id: UUID
    email: str
    role: Role
    state: Literal["invited", "active", "disabled"]
    created_at: datetime


class InvitationRequest(_Asked):
    """Somebody to join your tenant."""

    model_config = _Asked.model_config | _example(email="bert@example.org", role="editor")

    email: Email
    role: Role


class Invitation(BaseModel):
    """Somebody who may choose a password."""

    model_config = _example(
        user={"id": _ID, "email": "bert@example.org", "role": "editor", "state": "invited", "created_at": _AT},
        invitation=_TOKEN,
        expires_at=_AT,
    )

    user: User
    invitation: str = Field(description="Shown once. Hand it over by a way you trust; no mail is sent.")
    expires_at: datetime


class UserChange(_Asked):
    """What is to change of a user."""

    model_config = _Asked.model_config | _example(role="viewer", disabled=False)

    role: Role | None = None
    disabled: bool | None = Field(default=None, strict=True)


def _may_repeat(schema: dict[str, Any]) -> None:
    """What comes twice does no harm: do not forbid it."""
    schema.pop("uniqueItems", None)


class ApiKeyRequest(_Asked):
    """A key for a program."""

    model_config = _Asked.model_config | _example(
        name="render farm", scopes=["uploads:write", "videos:write"], expires_at="2027-11-22T00:00:00Z"
    )

    name: Line
    scopes: frozenset[Right] = Field(
        min_length=1,
        description="What it may do; no more than you may.",
        json_schema_extra=_may_repeat,
    )
    expires_at: Moment | None = Field(default=None, description="Never, when absent.")


class ApiKey(BaseModel):
    """A key, without its secret."""

    model_config = _example(
        id=_ID,
        user_id=_ID,
        name="render farm",
        prefix="mck_2f1e5b77",
        scopes=["jobs:read"],
        state="active",
        created_at=_AT,
    )

    id: UUID
    user_id: UUID = Field(description="Who made it: it may do no more than they may now.")
    name: str
    prefix: str = Field(description="How it begins, to recognise it by.")
    scopes: tuple[Right, ...]
    state: Literal["active", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = Field(default=None, description="Right to the minute.")


class NewApiKey(BaseModel):
    """A key and its secret."""

    model_config = _example(
        api_key={
            "id": _ID, "user_id": _ID, "name": "render farm", "prefix": "mck_2f1e5b77", "scopes": ["jobs:read"],
            "state": "active", "created_at": _AT,
        },
        secret="mck_2f1e5b77_AZNjoIweewKdDzps…",
    )  # fmt: skip

    api_key: ApiKey
    secret: str = Field(description="Shown once. Send it as `Authorization: Bearer …`.")


class Tenant(BaseModel):
    """Your tenant."""

    model_config = _example(id=_ID, name="Studio")

    id: UUID
    name: str


class TenantChange(_Asked):
    """What is to change of your tenant."""

    model_config = _Asked.model_config | _example(name="Studio Berlin")

    name: Line
