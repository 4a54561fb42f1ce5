"""Identity providers as clients see them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.api.schemas import Line
from gateway.domain.access import Role
from gateway.domain.single_sign_on import GroupRole, IdentityProvider
from gateway.usecases.identity_providers import ProviderOrder

__all__ = ["GroupRoleView", "ProviderChange", "ProviderRequest", "ProviderView", "order_of", "provider_view"]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_AT = "2026-11-22T16:30:00Z"
_ISSUER = "https://login.studio.example"
_RETURN = r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])[:/]|[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/)[!-\"$-~]+$"
_GROUPS: Any = [{"group": "film-editors", "role": "editor"}]

Issuer = Annotated[
    str,
    StringConstraints(max_length=1024, pattern=r"^https?://[!-\"$->@-~]+$"),
    Field(
        description="What the provider calls itself; `/.well-known/openid-configuration` is below it.",
        examples=[_ISSUER],
    ),
]
Scope = Annotated[str, StringConstraints(max_length=100, pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
Domain = Annotated[str, StringConstraints(max_length=253, pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]
ReturnUrl = Annotated[str, StringConstraints(max_length=1024, pattern=_RETURN)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[\x20-\x7e]+$")]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupRoleView(_Asked):
    """Whoever is in this group of the provider has this role here."""

    group: Line
    role: Role


Scopes = Annotated[tuple[Scope, ...], Field(max_length=20, description="Asked for beside `openid`.")]
GroupRoles = Annotated[
    tuple[GroupRoleView, ...],
    Field(max_length=100, description="The first that fits decides, at each sign-in. Owners stay owners."),
]
Domains = Annotated[
    tuple[Domain, ...], Field(max_length=50, description="Addresses must be of one of these; empty: of any.")
]
ReturnUrls = Annotated[
    tuple[ReturnUrl, ...],
    Field(
        min_length=1,
        max_length=20,
        description="Where the browser may be sent with a code. `http://127.0.0.1/…` stands for every port.",
    ),
]
DefaultRole = Annotated[
    Role | None,
    Field(description="What newcomers become whom no group gives a role; null: they get no account."),
]
Owners = Annotated[
    bool, Field(strict=True, description="Whether owners may sign in by it, or be made. Only an owner may say so.")
]


class ProviderRequest(_Asked):
    """An OpenID provider that says who your people are."""

    model_config = _Asked.model_config | ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Studio login",
                    "issuer": _ISSUER,
                    "client_id": "matchcut",
                    "client_secret": "s3cr3t-of-the-provider",
                    "group_roles": _GROUPS,
                    "default_role": "viewer",
                    "email_domains": ["studio.example"],
                    "return_urls": ["https://app.studio.example/signed-in", "http://127.0.0.1/signed-in"],
                }
            ]
        }
    )

    name: Line
    issuer: Issuer
    client_id: Line
    client_secret: Secret | None = Field(default=None, description="Kept sealed, never shown. None for public clients.")
    scopes: Scopes = ("email", "profile")
    groups_claim: Line = "groups"
    group_roles: GroupRoles = ()
    default_role: DefaultRole = None
    email_domains: Domains = ()
    return_urls: ReturnUrls
    owners: Owners = False


class ProviderChange(_Asked):
    """What is to change; what is absent stays. A new issuer needs the secret again."""

    model_config = _Asked.model_config | ConfigDict(json_schema_extra={"examples": [{"enabled": False}]})

    name: Line | None = None
    issuer: Issuer | None = None
    client_id: Line | None = None
    client_secret: Secret | None = None
    scopes: Scopes | None = None
    groups_claim: Line | None = None
    group_roles: GroupRoles | None = None
    default_role: DefaultRole = None
    email_domains: Domains | None = None
    return_urls: ReturnUrls | None = None
    owners: Owners | None = None
    enabled: bool | None = Field(default=None, strict=True)

    @model_validator(mode="after")
    def _changes_something(self) -> "ProviderChange":
        if not self.model_fields_set:
            raise ValueError("name at least one field")
        return self


class ProviderView(BaseModel):
    """An identity provider, without its secret."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _ID,
                    "name": "Studio login",
                    "issuer": _ISSUER,
                    "client_id": "matchcut",
                    "has_secret": True,
                    "scopes": ["email", "profile"],
                    "groups_claim": "groups",
                    "group_roles": _GROUPS,
                    "default_role": "viewer",
                    "email_domains": ["studio.example"],
                    "return_urls": ["https://app.studio.example/signed-in"],
                    "owners": False,
                    "enabled": True,
                    "sign_in_url": f"/v1/auth/sso/{_ID}/{_ID}",
                    "redirect_uri": f"https://matchcut.studio.example/v1/auth/sso/{_ID}/{_ID}/callback",
                    "created_at": _AT,
                }
            ]
        }
    )

    id: UUID
    name: str
    issuer: str
    client_id: str
    has_secret: bool
    scopes: tuple[str, ...]
    groups_claim: str
    group_roles: tuple[GroupRoleView, ...]
    default_role: Role | None
    email_domains: tuple[str, ...]
    return_urls: tuple[str, ...]
    owners: bool
    enabled: bool
    sign_in_url: str = Field(description="Where a client sends the browser.")
    redirect_uri: str | None = Field(
        description="What the provider must know of us; null while the operator has set no public address."
    )
    created_at: datetime


def order_of(asked: ProviderRequest | ProviderChange) -> ProviderOrder:
    """What somebody asked for, in the words of the use case."""
    values = {name: getattr(asked, name) for name in asked.model_fields_set}
    if values.get("group_roles") is not None:
        values["group_roles"] = tuple(GroupRole(rule.group, rule.role) for rule in values["group_roles"])
    scopes = values.get("scopes", None if isinstance(asked, ProviderChange) else asked.scopes)
    if scopes is not None:
        values["scopes"] = ("openid", *(scope for scope in dict.fromkeys(scopes) if scope != "openid"))
    gone = "default_role" in values and values["default_role"] is None
    return ProviderOrder(**values, no_default_role=gone)


def provider_view(provider: IdentityProvider, *, tenant_id: UUID, public_url: str | None) -> ProviderView:
    """A provider, with the addresses that belong to it."""
    sign_in_url = f"/v1/auth/sso/{tenant_id}/{provider.id}"
    return ProviderView(
        id=provider.id,
        name=provider.name,
        issuer=provider.issuer,
        client_id=provider.client_id,
        has_secret=provider.sealed_secret is not None,
        scopes=tuple(scope for scope in provider.scopes if scope != "openid"),
        groups_claim=provider.groups_claim,
        group_roles=tuple(GroupRoleView(group=rule.group, role=rule.role) for rule in provider.group_roles),
        default_role=provider.default_role,
        email_domains=provider.email_domains,
        return_urls=provider.return_urls,
        owners=provider.owners,
        enabled=provider.enabled,
        sign_in_url=sign_in_url,
        redirect_uri=None if public_url is None else f"{public_url}{sign_in_url}/callback",
        created_at=provider.created_at,
    )
