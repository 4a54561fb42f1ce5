"""Signing in by a studio's identity provider: there, back, and in.

Three parties hold a secret each. The browser's cookie ties the way back to the browser that began. Our verifier ties
the provider's code to us (RFC 7636). The client's verifier ties our code to the client that began: whoever else sees it
can do nothing with it. Every one of them is good for one use.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from chassis.database import Database, UnitOfWork
from chassis.telemetry import get_logger
from contracts import uuid7
from gateway.domain.refusals import InvalidRequest, NotFound, SignOnUnavailable
from gateway.domain.single_sign_on import ClientAuth, IdentityProvider, NotVouchedFor, Person, SignInFlow, role_of
from gateway.ports import RecordsOn, Seal, User
from gateway.ports.single_sign_on import Errand, OpenId, ProviderFault, ReturnedCode, SignOnRecordsOn
from gateway.usecases import witness
from gateway.usecases.sessions import Sessions
from gateway.usecases.tokens import digest, new_token, tenant_of

__all__ = ["Begun", "CameBack", "SignOnOrder", "SingleSignOn", "challenge_of", "same"]

_log = get_logger(__name__)
_FLOW_LIFETIME = timedelta(minutes=10)
"""What somebody has to type a password and find their second factor."""
_CODE_LIFETIME = timedelta(seconds=60)
_OVER = "this sign-in is over or was never begun: begin again"
_NO_ACCOUNT = "you have no account here: ask an admin of your studio"


@dataclass(frozen=True, slots=True)
class SignOnOrder:
    """Who wants to sign in where, and where to go afterwards."""

    tenant_id: UUID
    provider_id: UUID
    return_to: str
    challenge: str
    state: str
    """The client's: it comes back as it is."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and what it has to bring back."""

    url: str
    cookie: str
    lifetime_s: int


@dataclass(frozen=True, slots=True)
class CameBack:
    """What a browser came back with."""

    tenant_id: UUID
    provider_id: UUID
    state: str
    cookie: str | None
    code: str | None
    issuer: str | None
    error: str | None


class SingleSignOn:
    """OpenID Connect's authorization code flow on one side, OAuth2's on the other."""

    def __init__(
        self,
        database: Database,
        records_on: RecordsOn,
        sign_on_records_on: SignOnRecordsOn,
        openid: OpenId,
        seal: Seal,
        sessions: Sessions,
        *,
        public_url: str | None,
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._sign_on_records_on = sign_on_records_on
        self._openid = openid
        self._seal = seal
        self._sessions = sessions
        self._public_url = public_url.rstrip("/") if public_url else None

    @property
    def public_url(self) -> str | None:
        """Where browsers find us; None while the operator has not said so."""
        return self._public_url

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by https."""
        return (self._public_url or "").startswith("https://")

    async def begin(self, order: SignOnOrder) -> Begun:
        """Send a browser to the provider. Raises NotFound, InvalidRequest, SignOnUnavailable."""
        provider = await self._provider(order.tenant_id, order.provider_id)
        if not provider.returns_to(order.return_to):
            raise InvalidRequest("this provider may not send browsers there", field="redirect_uri")
        state, cookie, nonce, verifier = new_token(order.tenant_id), *(secrets.token_urlsafe(48) for _ in range(3))
        errand = Errand(self._redirect_uri(order), state, nonce, challenge_of(verifier), provider.scopes)
        try:
            url = await self._openid.send_to(self._client(provider), errand)
        except ProviderFault as fault:
            raise SignOnUnavailable(str(fault)) from None
        flow = SignInFlow(
            id=uuid7(),
            provider_id=provider.id,
            state_hash=digest(state),
            browser_hash=digest(cookie),
            nonce=nonce,
            sealed_verifier=self._seal.close(verifier.encode()),
            return_url=order.return_to,
            client_state=order.state,
            challenge=order.challenge,
            expires_at=datetime.now(UTC) + _FLOW_LIFETIME,
        )
        async with self._database.begin(order.tenant_id) as work:
            await self._sign_on_records_on(work.connection).flows.add(flow)
        return Begun(url, cookie, int(_FLOW_LIFETIME.total_seconds()))

    async def finish(self, back: CameBack) -> str:
        """Where to send a browser that came back: to the client, with a code or with an error. Raises InvalidRequest.

        What does not belong together ends here, with nothing sent anywhere: another tenant's or provider's state, one
        that came before, another browser.
        """
        if tenant_of(back.state) != back.tenant_id:
            raise InvalidRequest(_OVER, field="state")
        async with self._database.begin(back.tenant_id) as work:
            flow = await self._sign_on_records_on(work.connection).flows.take(digest(back.state))
        cookie = digest(back.cookie or "")
        if flow is None or flow.provider_id != back.provider_id or not same(cookie, flow.browser_hash):
            raise InvalidRequest(_OVER, field="state")
        try:
            code = await self._vouched(flow, back)
        except (NotVouchedFor, ProviderFault) as refused:
            _log.warning("a sign-in by a provider failed", provider=str(flow.provider_id), why=str(refused))
            return self._to_client(flow, error="access_denied", error_description=str(refused))
        return self._to_client(flow, code=code)

    async def _vouched(self, flow: SignInFlow, back: CameBack) -> str:
        """A code for the client of somebody the provider vouches for. Raises NotVouchedFor, ProviderFault."""
        if back.error is not None or back.code is None:
            raise NotVouchedFor("the identity provider did not sign you in")
        provider = await self._provider(back.tenant_id, flow.provider_id)
        verifier = self._seal.open(flow.sealed_verifier)
        if verifier is None:
            raise NotVouchedFor(_OVER)
        returned = ReturnedCode(
            code=back.code,
            issuer=back.issuer,
            redirect_uri=self._redirect_uri(back),
            verifier=verifier.decode(),
            nonce=flow.nonce,
            groups_claim=provider.groups_claim,
        )
        person = await self._openid.redeem(self._client(provider), returned)
        code = new_token(back.tenant_id)
        async with self._database.begin(back.tenant_id) as work:
            user, ended = await self._user(work, provider, person, back.tenant_id)
            await self._sign_on_records_on(work.connection).flows.vouch(
                flow.id, user_id=user.id, code_hash=digest(code), until=datetime.now(UTC) + _CODE_LIFETIME
            )
        await self._sessions.publish(ended)
        return code

    async def _user(
        self, work: UnitOfWork, provider: IdentityProvider, person: Person, tenant_id: UUID
    ) -> tuple[User, list[UUID]]:
        """Who they are here, made or changed as the provider says, and which sessions ended by it."""
        records, providers = self._records_on(work.connection), self._sign_on_records_on(work.connection).providers
        known = await providers.known(provider.id, person.subject)
        user = await records.people.user(known, lock=True) if known else None
        if user is None:
            user = await self._newcomer(work, provider, person, tenant_id)
            await providers.link(provider.id, person.subject, user.id)
        if user.disabled:
            raise NotVouchedFor("your account here is disabled: ask an admin of your studio")
        role = role_of(provider, person.groups, user.role)
        if role is user.role:
            return user, []
        changed = replace(user, role=role)
        await records.people.save_user(changed)
        _log.info("a provider gave a user another role", user=str(user.id), role=role.value)
        witness.changed(tenant_id, user.id, f"an identity provider gave this user the role {role.value}")
        return changed, await self._sessions.end_all(records, user.id)

    async def _newcomer(self, work: UnitOfWork, provider: IdentityProvider, person: Person, tenant_id: UUID) -> User:
        """The user with this address, of this tenant alone; or a new one. Raises NotVouchedFor."""
        people = self._records_on(work.connection).people
        if not person.email_verified:
            raise NotVouchedFor("your identity provider has not verified your e-mail address")
        if not provider.takes(person.email):
            raise NotVouchedFor("your e-mail address is of another domain than your studio's")
        known = await people.user_by_email(person.email)
        if known is not None and known.tenant_id == tenant_id:
            return known
        user = User(uuid7(), tenant_id, person.email.lower(), None, role_of(provider, person.groups, None))
        if known is not None or not await people.add_user(user):
            raise NotVouchedFor(_NO_ACCOUNT)  # the same words whether or not another studio has this address
        _log.info("a provider brought a new user", user=str(user.id), role=user.role.value)
        witness.changed(tenant_id, user.id, f"an identity provider brought this user, with the role {user.role.value}")
        return user

    async def _provider(self, tenant_id: UUID, provider_id: UUID) -> IdentityProvider:
        if self._public_url is None:
            raise NotFound("the operator has not set up signing in by identity providers")
        async with self._database.read(tenant_id) as connection:
            provider = await self._sign_on_records_on(connection).providers.get(provider_id)
        if provider is None or not provider.enabled:
            raise NotFound("there is no such identity provider")
        return provider

    def _client(self, provider: IdentityProvider) -> ClientAuth:
        secret = None if provider.sealed_secret is None else self._seal.open(provider.sealed_secret)
        if provider.sealed_secret is not None and secret is None:
            raise SignOnUnavailable("the secret of this provider was sealed with one the operator has changed since")
        return ClientAuth(provider.issuer, provider.client_id, secret.decode() if secret else None)

    def _to_client(self, flow: SignInFlow, **answer: str) -> str:
        """The client's address with our answer, its own state, and who we are (RFC 9207), for clients of several."""
        glue = "&" if "?" in flow.return_url else "?"
        state = {"state": flow.client_state} if flow.client_state else {}
        return f"{flow.return_url}{glue}{urlencode(answer | state | {'iss': self._public_url or ''})}"

    def _redirect_uri(self, of: SignOnOrder | CameBack) -> str:
        """Each provider has one of its own, so that none can pass off another's answer as its own (RFC 9700, 4.4)."""
        return f"{self._public_url}/v1/auth/sso/{of.tenant_id}/{of.provider_id}/callback"


def challenge_of(verifier: str) -> str:
    """What is shown of a verifier beforehand (RFC 7636, S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, without telling by the time where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
