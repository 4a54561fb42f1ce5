"""People, programs, and what proves who they are."""

from datetime import timedelta

from chassis.database import Database
from gateway.adapters.openid import OpenIdClient
from gateway.adapters.outbound import Outbound
from gateway.adapters.passwords import Argon2Passwords
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.postgres.single_sign_on import PostgresSignOnRecords
from gateway.adapters.revocations import RedisRevocations
from gateway.adapters.sealing import FernetSeal
from gateway.adapters.signing_keys import KeyRing, Rotation
from gateway.adapters.tokens import SignedTokens
from gateway.api import Accounts
from gateway.settings import Settings
from gateway.usecases.api_keys import ApiKeys, Recognize
from gateway.usecases.check_password import CheckPassword
from gateway.usecases.identity_providers import IdentityProviders
from gateway.usecases.sessions import Sessions
from gateway.usecases.sign_in import Lifetimes, SignIn
from gateway.usecases.sign_on_codes import SignOnCodes
from gateway.usecases.single_sign_on import SingleSignOn
from gateway.usecases.tenants import Tenants
from gateway.usecases.users import Users

__all__ = ["accounts_of", "key_ring"]


def key_ring(settings: Settings, database: Database) -> KeyRing:
    """The keys that sign access tokens."""
    rotation = Rotation(
        serves=timedelta(seconds=settings.signing_key_s),
        notice=timedelta(seconds=settings.signing_key_notice_s),
        token_lifetime=timedelta(seconds=settings.access_token_s),
    )
    return KeyRing(database, FernetSeal(settings.secret.get_secret_value()), rotation)


def accounts_of(
    settings: Settings, database: Database, keys: KeyRing, revocations: RedisRevocations, outbound: Outbound
) -> Accounts:
    """Signing in, being recognized, and who there is."""
    tokens, passwords = SignedTokens(keys, issuer=settings.issuer), Argon2Passwords()
    lifetimes = Lifetimes(access_s=settings.access_token_s, refresh_s=settings.refresh_token_s)
    check = CheckPassword(database, PostgresRecords, passwords)
    sessions = Sessions(database, PostgresRecords, check, passwords, revocations, lifetimes)
    sign_in = SignIn(database, PostgresRecords, check, tokens, revocations, lifetimes)
    openid, seal = OpenIdClient(outbound), FernetSeal(settings.secret.get_secret_value())
    return Accounts(
        tokens=tokens,
        revocations=revocations,
        seal=seal,
        recognize=Recognize(database, PostgresRecords, tokens, revocations),
        sign_in=sign_in,
        sessions=sessions,
        users=Users(database, PostgresRecords, passwords, sessions, invitation_s=settings.invitation_s),
        api_keys=ApiKeys(database, PostgresRecords),
        tenants=Tenants(database, PostgresRecords),
        identity_providers=IdentityProviders(database, PostgresSignOnRecords, openid, seal),
        single_sign_on=SingleSignOn(
            database,
            PostgresRecords,
            PostgresSignOnRecords,
            openid,
            seal,
            sessions,
            public_url=settings.public_url,
        ),
        sign_on_codes=SignOnCodes(database, PostgresRecords, PostgresSignOnRecords, sign_in, sessions),
    )
