"""Whoever guesses passwords waits; whoever owns the account gets in."""

import asyncio

import httpx
import pytest
from sqlalchemy import text, update
from typing_extensions import override

from gateway.adapters.passwords import Argon2Passwords
from gateway.adapters.postgres.tables import sign_in_attempts
from gateway.domain import lockout
from gateway.domain.lockout import ACCOUNT, ADDRESS, PAIR, Patience
from support.gateway_rig import PASSWORD, Gateway, json_of

EMAIL = "anna@example.org"


def at(gateway: Gateway, address: str) -> httpx.AsyncClient:
    """A client at this network address."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(gateway.app, client=(address, 1)), base_url="http://gateway")


async def try_(client: httpx.AsyncClient, password: str = "wrong", *, email: str = EMAIL) -> httpx.Response:
    form = {"grant_type": "password", "username": email, "password": password}
    return await client.post("/v1/auth/token", data=form)


class Stern(Patience):
    """Waits as long as it ever does from the first time on, so that a busy machine outlasts none of its waits."""

    @override
    def wait_s(self, failures: int) -> float:
        return self.longest_s if failures >= self.free else 0.0


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Passwords compared without argon2, and waits nobody outlasts; returns the passwords that were looked at."""
    looked_at: list[str] = []

    async def verify(_: Argon2Passwords, password: str, password_hash: str | None) -> bool:
        looked_at.append(password)
        await asyncio.sleep(0)
        return password_hash is not None and password == PASSWORD

    monkeypatch.setattr(Argon2Passwords, "verify", verify)
    for name, patience in (("PAIR", PAIR), ("ADDRESS", ADDRESS), ("ACCOUNT", ACCOUNT)):
        monkeypatch.setattr(lockout, name, Stern(patience.free, patience.longest_s))
    return looked_at


async def anna(gateway: Gateway) -> None:
    await gateway.user(await gateway.tenant("studio"), email=EMAIL)


async def test_after_a_few_wrong_passwords_even_the_right_one_has_to_wait(gateway: Gateway, quick: list[str]) -> None:
    await anna(gateway)
    guesser = at(gateway, "203.0.113.1")

    wrong = [(await try_(guesser)).status_code for _ in range(PAIR.free)]
    late = await try_(guesser, PASSWORD)

    assert wrong == [400] * PAIR.free
    problem = json_of(late, 429)
    assert (problem["type"], problem["error"]) == ("/problems/too-many-attempts", "invalid_grant")
    assert int(late.headers["retry-after"]) >= 1
    assert quick == ["wrong"] * PAIR.free, "what comes too early is not looked at"


async def test_once_the_wait_is_over_the_right_password_opens_and_counting_begins_anew(
    gateway: Gateway, quick: list[str]
) -> None:
    await anna(gateway)
    guesser = at(gateway, "203.0.113.1")
    for _ in range(PAIR.free):
        await try_(guesser)
    await time_passes(gateway)

    opened = await try_(guesser, PASSWORD)
    again = [(await try_(guesser)).status_code for _ in range(PAIR.free)]

    assert opened.status_code == 200
    assert again == [400] * PAIR.free


async def test_attempts_during_a_wait_do_not_lengthen_it(gateway: Gateway, quick: list[str]) -> None:
    await anna(gateway)
    guesser = at(gateway, "203.0.113.1")
    for _ in range(PAIR.free):
        await try_(guesser)

    before = await counts(gateway)
    for _ in range(20):
        await try_(guesser)

    assert await counts(gateway) == before


async def test_an_attacker_elsewhere_does_not_keep_the_owner_out(gateway: Gateway, quick: list[str]) -> None:
    await anna(gateway)
    home = at(gateway, "198.51.100.7")
    assert (await try_(home, PASSWORD)).status_code == 200

    for number in range(ACCOUNT.free + 5):
        await try_(at(gateway, f"203.0.113.{number}"))
    stranger = await try_(at(gateway, "192.0.2.1"), PASSWORD)
    owner = await try_(home, PASSWORD)

    assert stranger.status_code == 429, "the account is attacked: addresses it does not know wait"
    assert int(stranger.headers["retry-after"]) <= 2 * ACCOUNT.longest_s
    assert owner.status_code == 200


async def test_one_address_that_tries_many_accounts_has_to_wait_for_all_of_them(
    gateway: Gateway, quick: list[str]
) -> None:
    await anna(gateway)
    sprayer = at(gateway, "203.0.113.1")

    for number in range(ADDRESS.free):
        await try_(sprayer, email=f"user{number}@example.org")
    blocked = await try_(sprayer, PASSWORD)
    elsewhere = await try_(at(gateway, "203.0.113.2"), PASSWORD)

    assert (blocked.status_code, elsewhere.status_code) == (429, 200)


async def test_an_account_of_ones_own_does_not_reset_the_count_of_an_address(
    gateway: Gateway, quick: list[str]
) -> None:
    await anna(gateway)
    await gateway.user(await gateway.tenant("mine"), email="mallory@example.org")
    sprayer = at(gateway, "203.0.113.1")

    for number in range(ADDRESS.free):
        await try_(sprayer, email=f"user{number}@example.org")
        if number < ADDRESS.free - 1:
            await try_(sprayer, PASSWORD, email="mallory@example.org")

    assert (await try_(sprayer, PASSWORD)).status_code == 429


async def test_a_network_of_ipv6_is_one_address(gateway: Gateway, quick: list[str]) -> None:
    await anna(gateway)

    for number in range(PAIR.free):
        await try_(at(gateway, f"2001:db8:0:1::{number + 1:x}"))
    same = await try_(at(gateway, "2001:db8:0:1:ffff::1"), PASSWORD)
    other = await try_(at(gateway, "2001:db8:0:2::1"), PASSWORD)

    assert (same.status_code, other.status_code) == (429, 200)


async def test_a_hundred_guesses_at_once_are_not_a_hundred_guesses(gateway: Gateway, quick: list[str]) -> None:
    await anna(gateway)
    guesser = at(gateway, "203.0.113.1")

    answers = await asyncio.gather(*(try_(guesser) for _ in range(100)))

    assert len(quick) == PAIR.free
    assert sorted({answer.status_code for answer in answers}) == [400, 429]


async def test_many_right_passwords_at_once_are_no_guesses(gateway: Gateway, quick: list[str]) -> None:
    await anna(gateway)
    farm = at(gateway, "203.0.113.1")

    answers = await asyncio.gather(*(try_(farm, PASSWORD) for _ in range(ADDRESS.free + 10)))

    assert {answer.status_code for answer in answers} == {200}


async def test_accounts_that_do_not_exist_look_like_those_that_do(gateway: Gateway, quick: list[str]) -> None:
    await anna(gateway)
    seen = []

    for email, address in ((EMAIL, "203.0.113.1"), ("nobody@example.org", "203.0.113.2")):
        client = at(gateway, address)
        answers = [await try_(client, email=email) for _ in range(PAIR.free + 1)]
        seen.append([(one.status_code, one.json()["detail"], one.json()["title"]) for one in answers])

    assert seen[0] == seen[1]


async def test_the_current_password_cannot_be_guessed_with_a_stolen_token_either(
    gateway: Gateway, quick: list[str]
) -> None:
    await anna(gateway)
    token = json_of(await try_(at(gateway, "198.51.100.7"), PASSWORD), 200)["access_token"]
    thief = at(gateway, "203.0.113.1")
    thief.headers["Authorization"] = f"Bearer {token}"
    body = {"current_password": "wrong", "new_password": "something else"}

    answers = [await thief.put("/v1/me/password", json=body) for _ in range(PAIR.free + 1)]

    assert [answer.status_code for answer in answers] == [422] * PAIR.free + [429]
    assert answers[-1].headers["content-type"] == "application/problem+json"


async def test_the_memory_of_failures_names_nobody(gateway: Gateway, quick: list[str]) -> None:
    await try_(at(gateway, "203.0.113.1"))

    kept = str(await counts(gateway))

    assert EMAIL not in kept
    assert "203.0.113" not in kept


async def counts(gateway: Gateway) -> list[tuple[object, ...]]:
    async with gateway.harness.database.begin_untenanted() as connection:
        rows = await connection.execute(sign_in_attempts.select().order_by(sign_in_attempts.c.subject))
        return [tuple(row) for row in rows]


async def time_passes(gateway: Gateway) -> None:
    """As if every wait were over."""
    async with gateway.harness.database.begin_untenanted() as connection:
        over = text("now() - interval '1 second'")
        await connection.execute(update(sign_in_attempts).values(blocked_until=over))
