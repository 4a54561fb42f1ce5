"""What signing in by an identity provider needs from outside: rows, and somebody who speaks OpenID Connect."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.single_sign_on import ClientAuth, IdentityProvider, Person, SignInFlow

__all__ = [
    "Errand",
    "IdentityProviders",
    "OpenId",
    "ProviderFault",
    "ReturnedCode",
    "SignInFlows",
    "SignOnRecords",
    "SignOnRecordsOn",
]


class ProviderFault(Exception):
    """The provider cannot be reached, or what it says cannot be believed. The text names no inside of ours."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a browser is sent to the provider with."""

    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReturnedCode:
    """What a browser came back with, and what it must fit."""

    code: str
    issuer: str | None
    """Who sent it back, if they said so (RFC 9207)."""
    redirect_uri: str
    verifier: str
    nonce: str
    groups_claim: str


class OpenId(Protocol):
    """Speaks OpenID Connect with providers that customers name."""

    async def check(self, issuer: str) -> None:
        """Raise ProviderFault unless there is a provider of this name that we can work with."""

    async def send_to(self, client: ClientAuth, errand: Errand) -> str:
        """Where to send a browser. Raises ProviderFault."""

    async def redeem(self, client: ClientAuth, returned: ReturnedCode) -> Person:
        """Whom the provider vouches for by this code. Raises ProviderFault."""


class IdentityProviders(Protocol):
    """Identity providers of one tenant, and who came by them."""

    async def add(self, provider: IdentityProvider) -> None:
        """Record a provider."""

    async def count(self) -> int:
        """How many there are. Whoever else counts waits until this transaction has ended."""

    async def get(self, provider_id: UUID, *, lock: bool = False) -> IdentityProvider | None:
        """One provider."""

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[IdentityProvider]:
        """The newest providers, older than the one named ``before``."""

    async def save(self, provider: IdentityProvider) -> None:
        """Overwrite what may change of a provider."""

    async def remove(self, provider_id: UUID) -> bool:
        """Forget a provider and who came by it; False if there is none such."""

    async def known(self, provider_id: UUID, subject: str) -> UUID | None:
        """The user who came by this provider under this name before."""

    async def link(self, provider_id: UUID, subject: str, user_id: UUID) -> None:
        """Remember who somebody is here."""


class SignInFlows(Protocol):
    """Sign-ins of one tenant that are under way. Each step can be taken once."""

    async def add(self, flow: SignInFlow) -> None:
        """Record one that begins, and forget those that are over."""

    async def take(self, state_hash: str) -> SignInFlow | None:
        """One that comes back from its provider; None for one that is unknown, over, or came back before."""

    async def vouch(self, flow_id: UUID, *, user_id: UUID, code_hash: str, until: datetime) -> None:
        """Let the bearer of a code sign in as this user."""

    async def of_code(self, code_hash: str) -> SignInFlow | None:
        """The flow of a code, spent or not, ours to change until this transaction ends; None if unknown or over."""

    async def spend(self, flow_id: UUID, *, session_id: UUID | None, until: datetime) -> None:
        """Let a code be worth nothing from now on, and remember which session it began, if it did."""


class SignOnRecords(Protocol):
    """The rows, through one connection."""

    @property
    def providers(self) -> IdentityProviders: ...  # noqa: D102 (the name says it)
    @property
    def flows(self) -> SignInFlows: ...  # noqa: D102


SignOnRecordsOn = Callable[[AsyncConnection], SignOnRecords]
