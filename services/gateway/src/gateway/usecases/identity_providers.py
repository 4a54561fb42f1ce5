"""Identity providers of a tenant: set up, changed, removed by those who govern it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis.database import Database, UnitOfWork
from contracts import uuid7
from gateway.domain.access import Caller, Role, may_appoint
from gateway.domain.refusals import Forbidden, InvalidRequest, NotFound, TooManyProviders
from gateway.domain.single_sign_on import GroupRole, IdentityProvider
from gateway.ports import Seal
from gateway.ports.single_sign_on import OpenId, ProviderFault, SignOnRecordsOn

__all__ = ["IdentityProviders", "ProviderOrder"]

_MOST = 10
_PLAIN = (
    *("name", "issuer", "client_id", "scopes", "groups_claim", "group_roles", "default_role", "return_urls"),
    *("owners", "enabled"),
)
"""What is kept as it is given."""


@dataclass(frozen=True, slots=True)
class ProviderOrder:
    """What somebody sets up or changes; what is None stays as it is."""

    name: str | None = None
    issuer: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    scopes: tuple[str, ...] | None = None
    groups_claim: str | None = None
    group_roles: tuple[GroupRole, ...] | None = None
    default_role: Role | None = None
    no_default_role: bool = False
    """Take the default role away."""
    email_domains: tuple[str, ...] | None = None
    return_urls: tuple[str, ...] | None = None
    owners: bool | None = None
    enabled: bool | None = None


class IdentityProviders:
    """What those who govern a tenant do with its providers."""

    def __init__(self, database: Database, records_on: SignOnRecordsOn, openid: OpenId, seal: Seal) -> None:
        self._database = database
        self._records_on = records_on
        self._openid = openid
        self._seal = seal

    async def require_reachable(self, issuer: str | None) -> None:
        """Raise InvalidRequest for an issuer we cannot work with. It asks the network: call it before the commit."""
        if issuer is None:
            return
        try:
            await self._openid.check(issuer)
        except ProviderFault as fault:
            raise InvalidRequest(str(fault), field="issuer") from None

    async def set_up(self, work: UnitOfWork, caller: Caller, order: ProviderOrder) -> IdentityProvider:
        """A new provider. Raises Forbidden, TooManyProviders."""
        providers = self._records_on(work.connection).providers
        blank = IdentityProvider(
            id=uuid7(),
            name="",
            issuer="",
            client_id="",
            sealed_secret=None,
            scopes=(),
            groups_claim="groups",
            group_roles=(),
            default_role=None,
            email_domains=(),
            return_urls=(),
            owners=False,
            enabled=True,
            created_at=datetime.now(UTC),
        )
        provider = self._changed(blank, order)
        _may_touch(caller, provider)
        if await providers.count() >= _MOST:
            raise TooManyProviders(f"there are {_MOST} identity providers already: remove one first")
        await providers.add(provider)
        return provider

    async def get(self, caller: Caller, provider_id: UUID) -> IdentityProvider:
        """One provider. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            return _found(await self._records_on(connection).providers.get(provider_id))

    async def page(self, caller: Caller, *, before: UUID | None, limit: int) -> Sequence[IdentityProvider]:
        """The newest providers, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).providers.page(before=before, limit=limit)

    async def change(
        self, caller: Caller, provider_id: UUID, order: ProviderOrder, *, unless: Callable[[IdentityProvider], None]
    ) -> IdentityProvider:
        """Change what is given; ``unless`` may object to what it finds. Raises NotFound, Forbidden."""
        async with self._database.begin(caller.tenant_id) as work:
            providers = self._records_on(work.connection).providers
            provider = _found(await providers.get(provider_id, lock=True))
            unless(provider)
            changed = self._changed(provider, order)
            _may_touch(caller, provider)
            _may_touch(caller, changed)
            await providers.save(changed)
            return changed

    async def remove(self, caller: Caller, provider_id: UUID, *, unless: Callable[[IdentityProvider], None]) -> None:
        """Forget a provider, unless ``unless`` objects to what it finds. Who came by it keeps their account.

        Raises NotFound, Forbidden.
        """
        async with self._database.begin(caller.tenant_id) as work:
            providers = self._records_on(work.connection).providers
            provider = _found(await providers.get(provider_id, lock=True))
            unless(provider)
            _may_touch(caller, provider)
            await providers.remove(provider_id)

    def _changed(self, provider: IdentityProvider, order: ProviderOrder) -> IdentityProvider:
        given: dict[str, Any] = {name: getattr(order, name) for name in _PLAIN if getattr(order, name) is not None}
        if order.email_domains is not None:
            given["email_domains"] = tuple(sorted({domain.lower() for domain in order.email_domains}))
        if order.no_default_role:
            given["default_role"] = None
        if order.client_secret is not None:
            given["sealed_secret"] = self._seal.close(order.client_secret.encode()) if order.client_secret else None
        elif order.issuer not in (None, provider.issuer) and provider.issuer:
            given["sealed_secret"] = None  # a secret is for the one it was given by, and nobody else
        return replace(provider, **given)


def _may_touch(caller: Caller, provider: IdentityProvider) -> None:
    if provider.owners and not may_appoint(caller.role, Role.OWNER):
        raise Forbidden("only an owner may touch a provider that signs in owners")
    makes = {rule.role for rule in provider.group_roles} | {provider.default_role}
    if Role.OWNER in makes and not provider.owners:
        raise InvalidRequest("a provider makes owners only where owners is true", field="owners")


def _found(provider: IdentityProvider | None) -> IdentityProvider:
    if provider is None:
        raise NotFound("there is no such identity provider")
    return provider
