"""The keys that sign access tokens: sealed, published before they sign, and dropped when nothing needs them."""

import asyncio
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from pydantic import SecretStr
from sqlalchemy import select, text, update

from gateway.adapters import tokens
from gateway.adapters.postgres.tables import signing_keys
from gateway.adapters.sealing import FernetSeal
from gateway.adapters.signing_keys import KeyRing
from gateway.domain.access import Caller
from gateway.domain.refusals import Unauthenticated
from support.gateway_rig import Gateway, a_mint

DAY = 24 * 3600


def ring(gateway: Gateway) -> KeyRing:
    """The keys as another replica reads them."""
    return a_mint(gateway, signing_key_s=30 * DAY, signing_key_notice_s=3600)._keys


async def age(gateway: Gateway, **by: float) -> None:
    """As if so much time had passed."""
    async with gateway.harness.database.begin_untenanted() as connection:
        past = signing_keys.c.signs_from - timedelta(**by)
        await connection.execute(update(signing_keys).values(signs_from=past))


async def token_of(gateway: Gateway) -> tuple[Caller, str]:
    caller = await gateway.user(await gateway.tenant("studio"))
    return caller, await a_mint(gateway).issue(caller, lifetime_s=900)


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def test_a_key_serves_until_its_time_is_over(gateway: Gateway) -> None:
    first = await ring(gateway).signer()

    await age(gateway, days=29)

    assert set(await ring(gateway).all()) == {first.kid}


async def test_the_next_key_is_published_before_it_signs_and_the_old_one_verifies_after(gateway: Gateway) -> None:
    caller, old = await token_of(gateway)
    await age(gateway, days=30)

    published = await a_mint(gateway).public_keys()
    meanwhile = await a_mint(gateway).issue(caller, lifetime_s=900)
    await age(gateway, hours=1)
    new = await a_mint(gateway).issue(caller, lifetime_s=900)

    assert len(published["keys"]) == 2
    assert kid(meanwhile) == kid(old)
    assert kid(new) != kid(old)
    assert kid(new) in {key["kid"] for key in published["keys"]}
    for token in (old, meanwhile, new):
        assert await a_mint(gateway).read(token) == caller


async def test_an_old_key_is_dropped_once_no_token_of_it_can_live(gateway: Gateway) -> None:
    _, old = await token_of(gateway)
    await age(gateway, days=30)
    await ring(gateway).all()

    await age(gateway, hours=1.2)
    kept = set(await ring(gateway).all())
    await age(gateway, hours=0.3)
    later = set(await ring(gateway).all())

    assert kid(old) in kept
    assert kid(old) not in later
    assert len(later) == 1


async def test_a_replica_that_holds_old_keys_learns_of_a_new_one_when_it_meets_it(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"))
    settled = a_mint(gateway)
    await settled.public_keys()
    settled._keys._loaded_at -= 11
    await age(gateway, days=31)
    await a_mint(gateway).public_keys()
    await age(gateway, hours=1)

    token = await a_mint(gateway).issue(caller, lifetime_s=900)

    assert await settled.read(token) == caller


async def test_a_stolen_key_is_replaced_and_what_it_signed_is_worthless(gateway: Gateway) -> None:
    caller, forged = await token_of(gateway)
    rings = ring(gateway)

    thrown = await rings.replace()

    assert thrown == 1
    with pytest.raises(Unauthenticated):
        await a_mint(gateway).read(forged)
    assert await a_mint(gateway).read(await a_mint(gateway).issue(caller, lifetime_s=900)) == caller


async def test_the_database_alone_does_not_tell_how_to_sign(gateway: Gateway) -> None:
    await token_of(gateway)

    async with gateway.harness.database.begin_untenanted() as connection:
        [row] = (await connection.execute(select(signing_keys))).mappings().all()

    assert "PRIVATE" not in str(dict(row))
    assert set(row["public_jwk"]) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    opened = FernetSeal("a secret of the rig").open(row["sealed_pem"].encode())
    assert opened is not None
    assert b"PRIVATE" in opened
    assert FernetSeal("another secret").open(row["sealed_pem"].encode()) is None


async def test_a_replica_with_another_secret_verifies_and_signs_with_a_key_of_its_own(gateway: Gateway) -> None:
    caller, token = await token_of(gateway)
    other = a_mint(gateway, secret=SecretStr("a new secret of the operator"))

    theirs = await other.issue(caller, lifetime_s=900)

    assert await other.read(token) == caller
    assert await a_mint(gateway).read(theirs) == caller
    assert kid(theirs) != kid(token)


async def test_what_was_tampered_with_is_not_unsealed() -> None:
    sealed = FernetSeal("a secret").close(b"something")

    assert FernetSeal("a secret").open(sealed) == b"something"
    assert FernetSeal("a secret").open(sealed[:-4] + b"AAA=") is None


async def test_the_clock_of_the_first_replica_may_be_ahead(gateway: Gateway) -> None:
    await ring(gateway).all()
    await age(gateway, seconds=-30)

    signer = await ring(gateway).signer()

    assert signer.signs_from > datetime.now(UTC)


async def test_keys_are_left_alone_by_a_transaction_that_only_looks(gateway: Gateway) -> None:
    await ring(gateway).all()

    await ring(gateway).look_after()

    async with gateway.harness.database.begin_untenanted() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM signing_keys")) == 1


async def test_a_token_that_was_verified_before_ends_with_its_key_and_with_its_time(gateway: Gateway) -> None:
    mint = a_mint(gateway)
    caller = await gateway.user(await gateway.tenant("studio"))
    short, long = await mint.issue(caller, lifetime_s=1), await mint.issue(caller, lifetime_s=900)
    assert [await mint.read(token) for token in (short, long, long)] == [caller] * 3

    await asyncio.sleep(1.1)
    with pytest.raises(Unauthenticated, match="expired"):
        await mint.read(short)
    assert await mint.read(long) == caller
    await mint._keys.replace()

    with pytest.raises(Unauthenticated):
        await mint.read(long)


async def test_only_so_many_verified_tokens_are_remembered(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_MOST_KNOWN", 2)
    mint = a_mint(gateway)
    caller = await gateway.user(await gateway.tenant("studio"))
    issued = [await mint.issue(caller, lifetime_s=900) for _ in range(4)]

    callers = [await mint.read(token) for token in (*issued, *issued)]

    assert callers == [caller] * 8
    assert list(mint._known) == issued[2:]
