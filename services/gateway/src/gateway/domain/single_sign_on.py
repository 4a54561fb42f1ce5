"""Signing in by a studio's own identity provider: who it may vouch for, and what they become here.

A provider is the tenant's affair: whoever may set one up decides who gets in, but never more than they could decide
themselves. An admin cannot make owners; so a provider that an admin can touch neither signs in owners nor makes any.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit
from uuid import UUID

from gateway.domain.access import Role

__all__ = ["ClientAuth", "GroupRole", "IdentityProvider", "NotVouchedFor", "Person", "SignInFlow", "role_of"]


class NotVouchedFor(Exception):
    """The provider knows somebody whom we do not let in. The text is for that person."""


@dataclass(frozen=True, slots=True)
class GroupRole:
    """Whoever is in this group of the provider has this role here."""

    group: str
    role: Role


@dataclass(frozen=True, slots=True)
class ClientAuth:
    """Who we are to a provider: an id, and a secret unless it knows us as a public client."""

    issuer: str
    client_id: str
    secret: str | None


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An OpenID provider that a tenant trusts to say who its people are."""

    id: UUID
    name: str
    issuer: str
    client_id: str
    sealed_secret: bytes | None
    scopes: tuple[str, ...]
    groups_claim: str
    group_roles: tuple[GroupRole, ...]
    """The first that fits decides."""
    default_role: Role | None
    """What somebody becomes who has no account here and whom no group gives a role; None: they get no account."""
    email_domains: tuple[str, ...]
    """Addresses must end in one of these; empty: any address the provider has verified."""
    return_urls: tuple[str, ...]
    """Where the browser may be sent afterwards, with a code that is good for one sign-in."""
    owners: bool
    """Whether it may sign in owners and make them. Only an owner can say so, or touch a provider that does."""
    enabled: bool
    created_at: datetime

    def returns_to(self, url: str) -> bool:
        """Whether the browser may be sent there. On one's own machine the port is chosen anew each time (RFC 8252)."""
        return url in self.return_urls or _without_loopback_port(url) in self.return_urls

    def takes(self, email: str) -> bool:
        """Whether an address is of a domain that this provider may speak for."""
        domain = email.rpartition("@")[2].lower()
        return not self.email_domains or domain in self.email_domains


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider vouches for."""

    subject: str
    """What the provider calls them, for ever."""
    email: str
    email_verified: bool
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class SignInFlow:
    """One way through the provider and back. Secrets are kept by their digests, or sealed."""

    id: UUID
    provider_id: UUID
    state_hash: str
    browser_hash: str
    """Of the cookie of the browser that began: nobody else's browser can end it."""
    nonce: str
    sealed_verifier: bytes
    """Ours, towards the provider (RFC 7636)."""
    return_url: str
    client_state: str
    challenge: str
    """The client's, towards us (RFC 7636)."""
    expires_at: datetime
    user_id: UUID | None = None
    spent: bool = False
    """Whether our code was used, rightly or not."""
    session_id: UUID | None = None
    """What it began."""


def role_of(provider: IdentityProvider, groups: frozenset[str], present: Role | None) -> Role:
    """What somebody is here from now on; ``present`` is what they were, None for a newcomer. Raises NotVouchedFor.

    An owner stays one whatever the groups say, so that no list kept elsewhere leaves a tenant without.
    """
    if present is Role.OWNER:
        if not provider.owners:
            raise NotVouchedFor("an owner signs in with their password")
        return Role.OWNER
    given = _given(provider.group_roles, groups)
    if given is Role.OWNER and not provider.owners:
        given = None
    role = given or present or provider.default_role
    if role is None or (role is Role.OWNER and not provider.owners):
        raise NotVouchedFor("you have no account here: ask an admin of your studio")
    return role


def _given(rules: Sequence[GroupRole], groups: frozenset[str]) -> Role | None:
    return next((rule.role for rule in rules if rule.group in groups), None)


def _without_loopback_port(url: str) -> str | None:
    """The address without its port if it is one of this machine, by number; None for any other."""
    try:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.port is None or "@" in parts.netloc:
            return None
        if not ip_address(parts.hostname or "").is_loopback:
            return None
    except ValueError:
        return None
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return parts._replace(netloc=str(host)).geturl()
