"""Our own codes: what a client exchanges for tokens after somebody has signed in by a provider."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.database import Database, UnitOfWork
from chassis.telemetry import get_logger
from gateway.domain.refusals import InvalidGrant
from gateway.domain.single_sign_on import SignInFlow
from gateway.ports import Origin, RecordsOn
from gateway.ports.single_sign_on import SignOnRecordsOn
from gateway.usecases import witness
from gateway.usecases.sessions import Sessions
from gateway.usecases.sign_in import Begun, Grant, SignIn
from gateway.usecases.single_sign_on import challenge_of, same
from gateway.usecases.tokens import digest, tenant_of

__all__ = ["SignOnCodes"]

_log = get_logger(__name__)
_SPENT_KNOWN_FOR = timedelta(days=1)
"""For how long the second use of a code is noticed."""
_STALE = "the code is not good any more: begin again"


class SignOnCodes:
    """Exchanges codes, each once."""

    def __init__(
        self,
        database: Database,
        records_on: RecordsOn,
        sign_on_records_on: SignOnRecordsOn,
        sign_in: SignIn,
        sessions: Sessions,
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._sign_on_records_on = sign_on_records_on
        self._sign_in = sign_in
        self._sessions = sessions

    async def redeem(
        self, code: str, verifier: str, origin: Origin, *, return_to: str | None, scopes: Iterable[str] | None
    ) -> Grant:
        """Exchange our code for tokens.

        A code that comes a second time was stolen, or its thief was faster: nobody can tell, so the session it began
        ends (RFC 6749, section 4.1.2; RFC 9700, section 4.2.4). That also holds for two uses at one moment: the second
        waits for the first. Raises InvalidGrant.
        """
        tenant_id = tenant_of(code)
        if tenant_id is None:
            raise InvalidGrant(_STALE)
        async with self._database.begin(tenant_id) as work:
            flow = await self._sign_on_records_on(work.connection).flows.of_code(digest(code))
            ended = [] if flow is None else await self._end_if_spent(work, flow, tenant_id)
            begun = None
            if flow is not None and not flow.spent:
                begun = await self._spend(work, flow, verifier, origin, return_to=return_to, scopes=scopes)
        await self._sessions.publish(ended)
        if begun is None:
            if flow is not None:
                witness.about(tenant_id, flow.user_id)
            raise InvalidGrant(_STALE)
        return await self._sign_in.grant(begun)

    async def _end_if_spent(self, work: UnitOfWork, flow: SignInFlow, tenant_id: UUID) -> list[UUID]:
        """End the session that a code has begun which comes again."""
        if not flow.spent or flow.session_id is None:
            return []
        witness.about(tenant_id, flow.user_id, session_id=flow.session_id)
        witness.remark("a code came twice; its session is ended")
        _log.warning("a code came twice; its session is ended", user=str(flow.user_id))
        return await self._sessions.end_within(self._records_on(work.connection), flow.session_id)

    async def _spend(
        self,
        work: UnitOfWork,
        flow: SignInFlow,
        verifier: str,
        origin: Origin,
        *,
        return_to: str | None,
        scopes: Iterable[str] | None,
    ) -> Begun | None:
        """Begin the session that a code is good for. None where it is good for nothing, which also spends it.

        It does not raise then, because that must be committed.
        """
        records, sign_on = self._records_on(work.connection), self._sign_on_records_on(work.connection)
        provider = await sign_on.providers.get(flow.provider_id)
        user = None if flow.user_id is None else await records.people.user(flow.user_id)
        fits = same(challenge_of(verifier), flow.challenge) and return_to in (None, flow.return_url)
        begun = None
        if fits and user is not None and not user.disabled and provider is not None and provider.enabled:
            witness.about(user.tenant_id, user.id)
            begun = await self._sign_in.begin_within(work, user, origin, scopes=scopes)
        session_id = None if begun is None else begun.session.id
        until = datetime.now(UTC) + _SPENT_KNOWN_FOR
        await sign_on.flows.spend(flow.id, session_id=session_id, until=until)
        return begun
