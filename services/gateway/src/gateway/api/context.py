"""What routes are given: the use cases, and who is calling."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordBearer, SecurityScopes

from chassis.blobs import Blobs
from chassis.database import Database
from gateway.api.scope import caller_read
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import Forbidden, Unauthenticated
from gateway.ports import Origin, RecordsOn, Revocations, Seal, TokenMint
from gateway.ports.rates import Limiter
from gateway.usecases.api_keys import ApiKeys, Recognize
from gateway.usecases.audit import AuditLog
from gateway.usecases.direct_uploads import DirectUploads
from gateway.usecases.egress import Egress
from gateway.usecases.erase_script import EraseScript
from gateway.usecases.erase_tenant import EraseTenant
from gateway.usecases.erasures import Erasures
from gateway.usecases.estimates import Estimates
from gateway.usecases.exports import Exports
from gateway.usecases.findings import Findings
from gateway.usecases.held import HeldThings
from gateway.usecases.identity_providers import IdentityProviders
from gateway.usecases.imports import Imports
from gateway.usecases.jobs import Jobs
from gateway.usecases.live import Live
from gateway.usecases.logos import Logos
from gateway.usecases.results import Results
from gateway.usecases.retention import Retentions
from gateway.usecases.reviews import Reviews
from gateway.usecases.runners import Runners
from gateway.usecases.scripts import Scripts
from gateway.usecases.seals import AuditSeals
from gateway.usecases.search import Search
from gateway.usecases.sessions import Sessions
from gateway.usecases.sign_in import SignIn
from gateway.usecases.sign_on_codes import SignOnCodes
from gateway.usecases.single_sign_on import SingleSignOn
from gateway.usecases.tenants import Tenants
from gateway.usecases.tus import Tus
from gateway.usecases.uploads import Uploads
from gateway.usecases.usage import Usage
from gateway.usecases.users import Users
from gateway.usecases.videos import Videos
from gateway.usecases.webhooks import Webhooks

__all__ = ["Accounts", "Erasing", "From", "Given", "Library", "UseCases", "identify", "needs", "origin_of"]


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the routes call about people and programs."""

    tokens: TokenMint
    revocations: Revocations
    seal: Seal
    recognize: Recognize
    sign_in: SignIn
    sessions: Sessions
    users: Users
    api_keys: ApiKeys
    tenants: Tenants
    identity_providers: IdentityProviders
    single_sign_on: SingleSignOn
    sign_on_codes: SignOnCodes


@dataclass(frozen=True, slots=True)
class Library:
    """What the routes call about what jobs found, and what they look for."""

    findings: Findings
    reviews: Reviews
    logos: Logos


@dataclass(frozen=True, slots=True)
class Erasing:
    """What the routes call about leaving, and about taking everything along."""

    erasures: Erasures
    script: EraseScript
    tenant: EraseTenant
    retention: Retentions
    held: HeldThings
    exports: Exports


@dataclass(frozen=True, slots=True)
class UseCases:
    """Everything the routes call."""

    database: Database
    records_on: RecordsOn
    blobs: Blobs
    accounts: Accounts
    uploads: Uploads
    tus: Tus
    imports: Imports
    direct: DirectUploads
    videos: Videos
    scripts: Scripts
    jobs: Jobs
    results: Results
    library: Library
    search: Search
    live: Live
    webhooks: Webhooks
    audit: AuditLog
    audit_seals: AuditSeals
    erasing: Erasing
    usage: Usage
    egress: Egress
    estimates: Estimates
    runners: Runners
    limiter: Limiter
    heartbeat_s: float
    poll_s: float


async def _use_cases(request: Request) -> UseCases:  # async, as all dependencies: FastAPI gives others a thread each
    return cast(UseCases, request.app.state.use_cases)


Given = Annotated[UseCases, Depends(_use_cases)]

_bearer = OAuth2PasswordBearer(
    tokenUrl="/v1/auth/token",
    refreshUrl="/v1/auth/token",
    scopes={right.value: f"Granted by role: {right.value}" for right in Right},
    auto_error=False,
    scheme_name="OAuth2",
    description="For people: a password buys an access token of a few minutes and a refresh token.",
)
_key = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    bearerFormat="mck_…",
    description="For programs: a key of `POST /v1/api-keys`, with the scopes it was made with.",
)


def origin_of(request: Request) -> Origin:
    """Where a request comes from. Of an IPv6 address the network counts: one customer has all of a /64."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        network = host[:100]
    else:
        address = getattr(address, "ipv4_mapped", None) or address  # as a socket for both names who comes by IPv4
        network = str(ip_network((address, 64), strict=False) if address.version == 6 else address)
    agent = "".join(c for c in request.headers.get("user-agent", "")[:200] if c.isprintable())
    return Origin(network, agent)


async def _origin(request: Request) -> Origin:
    return origin_of(request)


From = Annotated[Origin, Depends(_origin)]


async def identify(
    asked: SecurityScopes,
    request: Request,
    given: Given,
    token: Annotated[str | None, Depends(_bearer)],
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_key)],
) -> Caller:
    """Who is calling, if they may do what the route asks for. Raises Unauthenticated, Forbidden."""
    if token is None:
        raise Unauthenticated("send an access token or an API key: Authorization: Bearer <token>")
    read, ahead = caller_read(request.scope, token)
    caller = await given.accounts.recognize(token, read=read, ahead=ahead)
    for scope in asked.scopes:
        if Right(scope) not in caller.rights:
            raise Forbidden(f"this needs the right {scope}, which your role or the scopes of your token do not carry")
    return caller


def needs(right: Right) -> object:
    """The declaration every route makes: ``caller: Annotated[Caller, needs(Right.JOBS_READ)]``."""
    return Security(identify, scopes=[right.value])
