"""The first tenant and its owner, without whom nobody could sign in."""

from datetime import timedelta
from uuid import UUID

from chassis.database import Database
from contracts import uuid7
from gateway.domain.access import Role
from gateway.domain.refusals import InvalidRequest
from gateway.ports import Passwords, RecordsOn, User

__all__ = ["SHORTEST_PASSWORD", "Bootstrap"]

_NO_TENANT = UUID(int=0)
_REMEMBERED = timedelta(days=1)
"""How long access tokens of ended sessions are refused. Replicas that run copy the list to Redis within seconds."""
SHORTEST_PASSWORD = 8
"""Characters; NIST SP 800-63B asks for no less and no composition rules."""


class Bootstrap:
    """Makes sure that a tenant and its owner exist and that the owner has this password."""

    def __init__(self, database: Database, records_on: RecordsOn, passwords: Passwords) -> None:
        self._database = database
        self._records_on = records_on
        self._passwords = passwords

    async def __call__(self, *, tenant: str, email: str, password: str) -> tuple[UUID, UUID]:
        """Ids of the tenant and the user; safe to repeat. Raises InvalidRequest."""
        if len(password) < SHORTEST_PASSWORD:
            raise InvalidRequest(f"the password needs at least {SHORTEST_PASSWORD} characters", field="password")
        if "@" not in email or not tenant.strip():
            raise InvalidRequest("a tenant's name and an e-mail address are needed", field="email")
        async with self._database.begin(_NO_TENANT) as work:
            # Whoever does the same at this moment waits, and then finds what we made.
            await work.hold("bootstrap")
            people = self._records_on(work.connection).people
            user, tenant_id = await people.user_by_email(email), await people.tenant_named(tenant)
            if user is None:
                return await self._create(tenant, tenant_id, email, password)
            if user.tenant_id != tenant_id:
                raise InvalidRequest(f"{email} belongs to another tenant; choose another address", field="email")
            await self._ensure_password(user, password)
            return user.tenant_id, user.id

    async def _create(self, tenant: str, tenant_id: UUID | None, email: str, password: str) -> tuple[UUID, UUID]:
        owner = User(uuid7(), tenant_id or uuid7(), email, await self._passwords.hash(password), Role.OWNER)
        async with self._database.begin(owner.tenant_id) as work:
            people = self._records_on(work.connection).people
            if tenant_id is None:
                await people.add_tenant(owner.tenant_id, tenant)
            await people.add_user(owner)
        return owner.tenant_id, owner.id

    async def _ensure_password(self, user: User, password: str) -> None:
        if await self._passwords.verify(password, user.password_hash):
            return
        password_hash = await self._passwords.hash(password)
        async with self._database.begin(user.tenant_id) as work:
            records = self._records_on(work.connection)
            await records.people.user(user.id, lock=True)  # nobody signs in or refreshes meanwhile
            await records.people.set_password(user.id, password_hash)
            live = await records.sessions.live(user.id)
            await records.sessions.end([session.id for session in live], token_lifetime=_REMEMBERED)
