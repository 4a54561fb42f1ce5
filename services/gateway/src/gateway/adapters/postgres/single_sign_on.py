"""Identity providers, who came by them, and sign-ins under way, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import TENANT, users
from gateway.adapters.postgres.tables.single_sign_on import external_identities, identity_providers, sign_in_flows
from gateway.domain.access import Role
from gateway.domain.single_sign_on import GroupRole, IdentityProvider, SignInFlow

__all__ = ["PostgresIdentityProviders", "PostgresSignInFlows", "PostgresSignOnRecords"]

_RULES = TypeAdapter(tuple[GroupRole, ...])


class PostgresSignOnRecords:
    """All rows of signing in by providers, through one connection and thus of one tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @cached_property
    def providers(self) -> "PostgresIdentityProviders":
        """Identity providers, and who came by them."""
        return PostgresIdentityProviders(self._connection)

    @cached_property
    def flows(self) -> "PostgresSignInFlows":
        """Sign-ins under way."""
        return PostgresSignInFlows(self._connection)


class PostgresIdentityProviders:
    """Providers of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, provider: IdentityProvider) -> None:
        """Record a provider."""
        row = {"id": provider.id, "created_at": provider.created_at, **_values(provider)}
        await self._connection.execute(insert(identity_providers).values(row))

    async def count(self) -> int:
        """How many there are. Whoever else counts waits until this transaction has ended."""
        name = func.concat("gateway/identity_providers/", TENANT)
        await self._connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        return int(await self._connection.scalar(select(func.count()).select_from(identity_providers)) or 0)

    async def get(self, provider_id: UUID, *, lock: bool = False) -> IdentityProvider | None:
        """One provider; locked, nobody else changes it before this transaction ends."""
        query = select(identity_providers).where(identity_providers.c.id == provider_id)
        found = await self._connection.execute(query.with_for_update(key_share=True) if lock else query)
        row = found.mappings().one_or_none()
        return None if row is None else _provider(row)

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[IdentityProvider]:
        """The newest providers, older than the one named ``before``."""
        query = select(identity_providers).order_by(identity_providers.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(identity_providers.c.id < before)
        return [_provider(row) for row in (await self._connection.execute(query)).mappings()]

    async def save(self, provider: IdentityProvider) -> None:
        """Overwrite what may change of a provider."""
        row = update(identity_providers).where(identity_providers.c.id == provider.id)
        await self._connection.execute(row.values(_values(provider)))

    async def remove(self, provider_id: UUID) -> bool:
        """Forget a provider and who came by it; False if there is none such."""
        gone = await self._connection.execute(delete(identity_providers).where(identity_providers.c.id == provider_id))
        return gone.rowcount == 1

    async def known(self, provider_id: UUID, subject: str) -> UUID | None:
        """The user who came by this provider under this name before."""
        this = (external_identities.c.provider_id == provider_id, external_identities.c.subject == subject)
        found: UUID | None = await self._connection.scalar(select(external_identities.c.user_id).where(*this))
        return found

    async def link(self, provider_id: UUID, subject: str, user_id: UUID) -> None:
        """Remember who somebody is here: from now on they have a way to sign in."""
        row = insert(external_identities).values(provider_id=provider_id, subject=subject, user_id=user_id)
        again = row.on_conflict_do_update(
            index_elements=["provider_id", "subject"], set_={"user_id": user_id, "created_at": func.now()}
        )
        await self._connection.execute(again)
        await self._connection.execute(update(users).where(users.c.id == user_id).values(came_by_provider=True))


class PostgresSignInFlows:
    """Sign-ins of the transaction's tenant that are under way."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, flow: SignInFlow) -> None:
        """Record one that begins, and forget those that are over."""
        await self._connection.execute(delete(sign_in_flows).where(sign_in_flows.c.expires_at < func.now()))
        row = {
            "id": flow.id,
            "provider_id": flow.provider_id,
            "state_hash": flow.state_hash,
            "browser_hash": flow.browser_hash,
            "nonce": flow.nonce,
            "sealed_verifier": flow.sealed_verifier,
            "return_url": flow.return_url,
            "client_state": flow.client_state,
            "challenge": flow.challenge,
            "expires_at": flow.expires_at,
        }
        await self._connection.execute(insert(sign_in_flows).values(row))

    async def take(self, state_hash: str) -> SignInFlow | None:
        """One that comes back from its provider; None for one that is unknown, over, or came back before."""
        flows = sign_in_flows.c
        waiting = (flows.state_hash == state_hash, flows.came_back_at.is_(None), flows.expires_at > func.now())
        row = update(sign_in_flows).where(*waiting).values(came_back_at=func.now()).returning(sign_in_flows)
        return _flow((await self._connection.execute(row)).mappings().one_or_none())

    async def vouch(self, flow_id: UUID, *, user_id: UUID, code_hash: str, until: datetime) -> None:
        """Let the bearer of a code sign in as this user."""
        row = update(sign_in_flows).where(sign_in_flows.c.id == flow_id)
        await self._connection.execute(row.values(user_id=user_id, code_hash=code_hash, expires_at=until))

    async def of_code(self, code_hash: str) -> SignInFlow | None:
        """The flow of a code, spent or not, ours to change until this transaction ends; None if unknown or over."""
        good = (sign_in_flows.c.code_hash == code_hash, sign_in_flows.c.expires_at > func.now())
        row = select(sign_in_flows).where(*good).with_for_update()
        return _flow((await self._connection.execute(row)).mappings().one_or_none())

    async def spend(self, flow_id: UUID, *, session_id: UUID | None, until: datetime) -> None:
        """Let a code be worth nothing from now on, and remember which session it began, if it did."""
        row = update(sign_in_flows).where(sign_in_flows.c.id == flow_id)
        await self._connection.execute(row.values(spent_at=func.now(), session_id=session_id, expires_at=until))


def _values(provider: IdentityProvider) -> dict[str, Any]:
    return {
        "name": provider.name,
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "sealed_secret": provider.sealed_secret,
        "scopes": list(provider.scopes),
        "groups_claim": provider.groups_claim,
        "group_roles": _RULES.dump_python(provider.group_roles, mode="json"),
        "default_role": None if provider.default_role is None else provider.default_role.value,
        "email_domains": list(provider.email_domains),
        "return_urls": list(provider.return_urls),
        "owners": provider.owners,
        "enabled": provider.enabled,
    }


def _provider(row: Mapping[Any, Any]) -> IdentityProvider:
    values = {name: value for name, value in row.items() if name != "tenant_id"}
    for name in ("scopes", "email_domains", "return_urls"):
        values[name] = tuple(values[name])
    values["group_roles"] = _RULES.validate_python(values["group_roles"])
    values["default_role"] = Role(values["default_role"]) if values["default_role"] else None
    return IdentityProvider(**values)


def _flow(row: Mapping[Any, Any] | None) -> SignInFlow | None:
    if row is None:
        return None
    not_ours = {"tenant_id", "code_hash", "came_back_at", "created_at", "spent_at"}
    values = {name: value for name, value in row.items() if name not in not_ours}
    return SignInFlow(**values, spent=row["spent_at"] is not None)
