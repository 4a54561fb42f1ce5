"""Signing in by a studio's identity provider, with two providers that speak the wire protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from gateway.adapters.postgres.tables.single_sign_on import identity_providers, sign_in_flows
from gateway.domain.access import Role
from gateway.usecases.single_sign_on import challenge_of
from support.gateway_rig import PASSWORD, Gateway, a_gateway, json_of
from support.openid_provider import CLIENT, SECRET, OpenIdProvider, a_provider

APP = "https://app.studio.example/signed-in"
VERIFIER = "the client's verifier, of which nobody else knows anything"
PUBLIC = "https://matchcut.example"


@dataclass
class House:
    """A gateway, the owner of a studio, and two providers."""

    gateway: Gateway
    owner: httpx.AsyncClient
    tenant_id: UUID
    provider: OpenIdProvider
    other: OpenIdProvider
    browser: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.browser = self.new_browser()

    def new_browser(self) -> httpx.AsyncClient:
        """A browser without cookies."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.gateway.app), base_url=PUBLIC)

    async def set_up(self, provider: OpenIdProvider | None = None, **wanted: Any) -> dict[str, Any]:
        """A provider as the gateway knows it."""
        body = {
            "name": "Studio login",
            "issuer": (provider or self.provider).issuer,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "default_role": "viewer",
            "return_urls": [APP, "http://127.0.0.1/done"],
            **wanted,
        }
        return json_of(await self.owner.post("/v1/identity-providers", json=body), 201)

    async def begin(self, known: dict[str, Any], **query: str) -> httpx.Response:
        """Where a browser is sent that wants to sign in."""
        asked = {"redirect_uri": APP, "code_challenge": challenge_of(VERIFIER), "state": "the client's", **query}
        return await self.browser.get(known["sign_in_url"], params=asked)

    async def back(self, known: dict[str, Any], provider: OpenIdProvider | None = None) -> dict[str, str]:
        """What the browser comes back with after the person has signed in."""
        begun = await self.begin(known)
        assert begun.status_code == 303, begun.text
        return (provider or self.provider).consent(begun.headers["location"])

    async def finish(self, known: dict[str, Any], back: dict[str, str]) -> dict[str, str]:
        """What the client is told, in the address the browser is sent to."""
        return told(await self.browser.get(f"{known['sign_in_url']}/callback", params=back))

    async def said(self, known: dict[str, Any], provider: OpenIdProvider | None = None) -> dict[str, str]:
        """There and back again."""
        return await self.finish(known, await self.back(known, provider))

    async def redeem(self, code: str, **changed: str) -> httpx.Response:
        """Tokens for a code."""
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, **changed}
        return await self.browser.post("/v1/auth/token", data=form)

    async def me(self, known: dict[str, Any], provider: OpenIdProvider | None = None) -> dict[str, Any]:
        """Who one is after signing in."""
        said = await self.said(known, provider)
        grant = json_of(await self.redeem(said["code"]), 200)
        headers = {"Authorization": f"Bearer {grant['access_token']}"}
        return json_of(await self.browser.get("/v1/me", headers=headers), 200)

    async def users(self) -> dict[str, dict[str, Any]]:
        """Everybody, by address."""
        return {user["email"]: user for user in json_of(await self.owner.get("/v1/users"), 200)["items"]}


def told(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    address = urlsplit(answer.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == APP
    return {name: values[0] for name, values in parse_qs(address.query).items()}


@pytest.fixture
async def house(postgres_url: str) -> AsyncIterator[House]:
    with ExitStack() as stack:
        one, two = stack.enter_context(a_provider()), stack.enter_context(a_provider())
        settings: dict[str, Any] = {
            "outbound_http": True,
            "outbound_networks": ("127.0.0.0/8",),
            "public_url": f"{PUBLIC}/",
        }
        ports = frozenset({one.port, two.port})
        async with a_gateway(postgres_url, outbound_ports=ports, **settings) as gateway:
            caller = await gateway.user(await gateway.tenant("studio"), email="owner@studio.example")
            yield House(gateway, await gateway.client(caller), caller.tenant_id, one, two)


async def test_a_newcomer_signs_in_and_stays_signed_in_like_anybody(house: House) -> None:
    known = await house.set_up(group_roles=[{"group": "film-editors", "role": "editor"}])

    said = await house.said(known)
    grant = json_of(await house.redeem(said["code"], redirect_uri=APP), 200)
    refresh = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
    renewed = json_of(await house.browser.post("/v1/auth/token", data=refresh), 200)

    assert said["state"] == "the client's"
    me = json_of(await house.browser.get("/v1/me", headers=bearer(renewed)), 200)
    assert (me["email"], me["role"], me["tenant_id"]) == ("anna@studio.example", "editor", str(house.tenant_id))
    [session] = json_of(await house.browser.get("/v1/me/sessions", headers=bearer(renewed)), 200)["items"]
    assert session["current"]
    assert (await house.users())["anna@studio.example"]["state"] == "active"


def bearer(grant: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {grant['access_token']}"}


async def test_the_browser_is_sent_with_what_keeps_others_out(house: House) -> None:
    known = await house.set_up()

    begun = await house.begin(known)

    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["redirect_uri"] == [known["redirect_uri"]] == [f"{PUBLIC}{known['sign_in_url']}/callback"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["code_challenge"] != [challenge_of(VERIFIER)], "ours is another than the client's"
    assert len(asked["nonce"][0]) >= 43
    cookie = begun.headers["set-cookie"]
    assert all(
        word in cookie for word in ("HttpOnly", "Secure", "SameSite=lax", f"Path={known['sign_in_url']}/callback")
    )
    assert begun.headers["cache-control"] == "no-store"


async def test_an_address_that_is_known_gets_its_account_and_keeps_it_when_it_changes(house: House) -> None:
    bert = await house.gateway.user(house.tenant_id, Role.EDITOR, email="Anna@studio.example")
    known = await house.set_up()

    first = await house.me(known)
    house.provider.person = {**house.provider.person, "email": "anna@elsewhere.example", "email_verified": False}
    second = await house.me(known)

    assert first["id"] == second["id"] == str(bert.user_id)
    assert second["role"] == "editor", "nobody becomes less by signing in another way"
    assert len(await house.users()) == 2


async def test_somebody_the_provider_does_not_vouch_for_is_not_let_in(house: House) -> None:
    known = await house.set_up(email_domains=["studio.example"])
    people: list[dict[str, Any]] = [
        {"email_verified": False},
        {"email_verified": None},
        {"email": None},
        {"email": "anna@evil.example"},
        {"email": "anna@studio.example.evil.example"},
        {"email": "not an address"},
        {"email": ["anna@studio.example"]},
    ]

    for changed in people:
        house.provider.person = {"sub": uuid4().hex, "email": "anna@studio.example", "email_verified": True, **changed}
        said = await house.said(known)
        assert (said["error"], said.get("code")) == ("access_denied", None), changed

    assert list(await house.users()) == ["owner@studio.example"]


async def test_without_a_role_for_newcomers_only_those_who_have_an_account_come_in(house: House) -> None:
    known = await house.set_up(default_role=None, group_roles=[{"group": "grips", "role": "viewer"}])

    stranger = await house.said(known)
    await house.gateway.user(house.tenant_id, Role.VIEWER, email="anna@studio.example")
    member = await house.me(known)

    assert stranger["error_description"] == "you have no account here: ask an admin of your studio"
    assert member["role"] == "viewer"


async def test_an_address_of_another_studio_looks_like_one_without_an_account(house: House) -> None:
    elsewhere = await house.gateway.tenant("rival")
    await house.gateway.user(elsewhere, Role.OWNER, email="anna@studio.example")
    known = await house.set_up()

    said = await house.said(known)

    assert said["error_description"] == "you have no account here: ask an admin of your studio"


async def test_an_owner_is_signed_in_only_where_an_owner_allowed_it(house: House) -> None:
    await house.gateway.user(house.tenant_id, Role.OWNER, email="anna@studio.example")
    known = await house.set_up(group_roles=[{"group": "film-editors", "role": "viewer"}])

    refused = await house.said(known)
    path = f"/v1/identity-providers/{known['id']}"
    json_of(await house.owner.patch(path, json={"owners": True}), 200)
    me = await house.me(known)

    assert refused["error_description"] == "an owner signs in with their password"
    assert me["role"] == "owner", "groups take nothing from an owner"


async def test_an_admin_can_neither_make_owners_by_a_provider_nor_touch_one_that_does(house: House) -> None:
    admin = await house.gateway.client(await house.gateway.user(house.tenant_id, Role.ADMIN))
    known = await house.set_up(owners=True)
    path = f"/v1/identity-providers/{known['id']}"
    body = {"name": "mine", "issuer": house.other.issuer, "client_id": "x", "return_urls": [APP]}

    assert (await admin.post("/v1/identity-providers", json={**body, "owners": True})).status_code == 403
    assert (await admin.post("/v1/identity-providers", json={**body, "default_role": "owner"})).status_code == 422
    assert (await admin.patch(path, json={"issuer": house.other.issuer})).status_code == 403
    assert (await admin.patch(path, json={"owners": False})).status_code == 403
    assert (await admin.delete(path)).status_code == 403
    own = json_of(await admin.post("/v1/identity-providers", json=body), 201)
    assert (await admin.patch(f"/v1/identity-providers/{own['id']}", json={"owners": True})).status_code == 403
    assert (await admin.delete(f"/v1/identity-providers/{own['id']}")).status_code == 204


async def test_groups_change_a_role_and_end_what_was_signed_in_with_the_old_one(house: House) -> None:
    known = await house.set_up(
        group_roles=[{"group": "leads", "role": "admin"}, {"group": "film-editors", "role": "editor"}]
    )
    said = await house.said(known)
    before = json_of(await house.redeem(said["code"]), 200)

    house.provider.person = {**house.provider.person, "groups": ["film-editors", "leads"]}
    after = await house.me(known)

    assert after["role"] == "admin"
    assert (await house.browser.get("/v1/me", headers=bearer(before))).status_code == 401


async def test_somebody_disabled_stays_out(house: House) -> None:
    known = await house.set_up()
    me = await house.me(known)

    json_of(await house.owner.patch(f"/v1/users/{me['id']}", json={"disabled": True}), 200)

    assert (await house.said(known))["error"] == "access_denied"


async def test_a_lie_of_the_provider_reaches_the_client_as_an_error_and_lets_nobody_in(house: House) -> None:
    known = await house.set_up()
    house.provider.twist = lambda claims: {**claims, "nonce": "another"}

    said = await house.said(known)

    assert said["error"] == "access_denied"
    assert "another sign-in" in said["error_description"]
    assert list(await house.users()) == ["owner@studio.example"]


async def test_a_person_who_says_no_comes_back_with_an_error(house: House) -> None:
    known = await house.set_up()
    back = await house.back(known)

    said = await house.finish(known, {"state": back["state"], "error": "access_denied"})

    assert said["error"] == "access_denied"


async def test_a_way_back_is_good_once(house: House) -> None:
    known = await house.set_up()
    back = await house.back(known)
    cookies = dict(house.browser.cookies)
    await house.finish(known, back)

    house.browser.cookies.update(cookies)
    again = await house.browser.get(f"{known['sign_in_url']}/callback", params=back)

    assert again.status_code == 422
    assert house.provider.codes == {}, "it went to the provider once"


async def test_another_browser_cannot_end_what_one_began(house: House) -> None:
    known = await house.set_up()
    back = await house.back(known)

    stolen = await house.new_browser().get(f"{known['sign_in_url']}/callback", params=back)

    assert stolen.status_code == 422
    assert back["code"] in house.provider.codes, "the code was not even tried"


async def test_an_answer_of_one_provider_is_not_taken_for_that_of_another(house: House) -> None:
    """Mix-up (RFC 9700, section 4.4): the attacker's provider passes our browser's code on as if it were its own."""
    honest, evil = await house.set_up(), await house.set_up(house.other)
    back = await house.back(honest)
    cookie = house.browser.cookies["matchcut_sso"]

    crossed = await house.browser.get(
        f"{evil['sign_in_url']}/callback", params=back, headers={"Cookie": f"matchcut_sso={cookie}"}
    )
    named = await house.finish(honest, {**await house.back(honest), "iss": house.other.issuer})

    assert crossed.status_code == 422
    assert "another identity provider" in named["error_description"]
    assert not [path for method, path, _ in house.other.asked if method == "POST"], "no code went to the attacker"


async def test_a_code_of_ours_is_good_once_for_who_began_and_not_for_long(house: House) -> None:
    known = await house.set_up()
    codes = [(await house.said(known))["code"] for _ in range(4)]

    used = [(await house.redeem(codes[0])).status_code for _ in range(2)]
    guessed = [(await house.redeem(codes[1], code_verifier=verifier)).status_code for verifier in ("wrong", VERIFIER)]
    elsewhere = await house.redeem(codes[2], redirect_uri="https://evil.example/")
    async with house.gateway.harness.database.begin(house.tenant_id) as work:
        await work.connection.execute(update(sign_in_flows).values(expires_at=func.now()))
    late = await house.redeem(codes[3])

    assert used == [200, 400]
    assert guessed == [400, 400], "a wrong verifier spends the code"
    assert (elsewhere.status_code, late.status_code) == (400, 400)
    assert json_of(late, 400)["error"] == "invalid_grant"
    assert (await house.redeem("")).status_code == (await house.redeem("nonsense")).status_code == 400


async def test_a_code_that_comes_twice_ends_what_it_began(house: House) -> None:
    known = await house.set_up()
    code, other = [(await house.said(known))["code"] for _ in range(2)]
    grant = json_of(await house.redeem(code), 200)
    bystander = json_of(await house.redeem(other), 200)
    headers = [{"Authorization": f"Bearer {each['access_token']}"} for each in (grant, bystander)]
    before = [(await house.browser.get("/v1/me", headers=each)).status_code for each in headers]

    again = await house.redeem(code, code_verifier="whoever has stolen it does not know this")

    after = [(await house.browser.get("/v1/me", headers=each)).status_code for each in headers]
    form = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
    renewed = await house.browser.post("/v1/auth/token", data=form)
    assert json_of(again, 400)["error"] == json_of(renewed, 400)["error"] == "invalid_grant"
    assert (before, after) == ([200, 200], [401, 200])
    lines = json_of(await house.owner.get("/v1/audit", params={"action": "issue_token", "outcome": "refused"}), 200)
    assert [line["remark"] for line in lines["items"]][-1] == "a code came twice; its session is ended"


async def test_of_two_who_bring_a_code_at_one_moment_neither_stays_signed_in(house: House) -> None:
    known = await house.set_up()
    code = (await house.said(known))["code"]

    answers = await asyncio.gather(*(house.redeem(code) for _ in range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 400]
    [grant] = [json_of(answer, 200) for answer in answers if answer.status_code == 200]
    headers = {"Authorization": f"Bearer {grant['access_token']}"}
    assert (await house.browser.get("/v1/me", headers=headers)).status_code == 401


async def test_a_provider_that_is_disabled_meanwhile_signs_nobody_in(house: House) -> None:
    known = await house.set_up()
    code = (await house.said(known))["code"]

    json_of(await house.owner.patch(f"/v1/identity-providers/{known['id']}", json={"enabled": False}), 200)

    assert json_of(await house.redeem(code), 400)["error"] == "invalid_grant"


async def test_an_answer_says_which_gateway_it_comes_from(house: House) -> None:
    known = await house.set_up()
    back = await house.back(known)

    bad = await house.finish(known, {"state": back["state"], "error": "access_denied"})
    good = await house.said(known)

    assert (good["iss"], bad["iss"]) == (PUBLIC, PUBLIC)


async def test_a_browser_is_sent_only_where_the_studio_said(house: House) -> None:
    known = await house.set_up()

    for address in (
        "https://evil.example/",
        f"{APP}/more",
        "http://127.0.0.1:5000/other",
        "http://localhost:5000/done",
    ):
        assert (await house.begin(known, redirect_uri=address)).status_code == 422, address
    for address in (APP, "http://127.0.0.1/done", "http://127.0.0.1:51234/done"):
        assert (await house.begin(known, redirect_uri=address)).status_code == 303, address
    assert (await house.begin(known, code_challenge="short")).status_code == 422


async def test_who_is_not_there_or_disabled_cannot_be_signed_in_by(house: House) -> None:
    known = await house.set_up()
    back = await house.back(known)

    json_of(await house.owner.patch(f"/v1/identity-providers/{known['id']}", json={"enabled": False}), 200)

    assert (await house.begin(known)).status_code == 404
    assert (await house.begin({"sign_in_url": f"/v1/auth/sso/{uuid4()}/{known['id']}"})).status_code == 404
    late = await house.browser.get(f"{known['sign_in_url']}/callback", params=back)
    assert late.status_code == 404


async def test_a_secret_is_kept_sealed_and_is_for_one_issuer_alone(house: House) -> None:
    known = await house.set_up()
    path = f"/v1/identity-providers/{known['id']}"

    async with house.gateway.harness.database.read(house.tenant_id) as connection:
        [row] = (await connection.execute(select(identity_providers))).mappings().all()
    moved = await house.owner.patch(path, json={"issuer": house.other.issuer})

    assert SECRET.encode() not in row["sealed_secret"]
    assert SECRET not in str(known)
    assert known["has_secret"]
    assert not json_of(moved, 200)["has_secret"], "whoever moves the issuer does not get the secret sent there"


async def test_a_provider_is_asked_who_it_is_before_it_is_kept(house: House) -> None:
    body = {"name": "x", "client_id": "x", "return_urls": [APP]}
    wrong = [f"{house.provider.issuer}/elsewhere", "http://127.0.0.1:9/realm", "http://169.254.169.254/realm"]

    for issuer in wrong:
        problem = json_of(await house.owner.post("/v1/identity-providers", json={**body, "issuer": issuer}), 422)
        assert [error["field"] for error in problem["errors"]] == ["issuer"]

    assert json_of(await house.owner.get("/v1/identity-providers"), 200)["items"] == []


async def test_two_who_change_a_provider_notice_each_other(house: House) -> None:
    known = await house.set_up()
    path = f"/v1/identity-providers/{known['id']}"
    read = (await house.owner.get(path)).headers["etag"]

    first = await house.owner.patch(path, json={"name": "one"}, headers={"If-Match": read})
    second = await house.owner.patch(path, json={"name": "two"}, headers={"If-Match": read})
    unseen = await house.owner.delete(path, headers={"If-Match": read})
    seen = await house.owner.delete(path, headers={"If-Match": first.headers["etag"]})

    assert [answer.status_code for answer in (first, second, unseen, seen)] == [200, 412, 412, 204]


async def test_a_tenant_has_so_many_providers_and_no_more(house: House) -> None:
    for _ in range(10):
        await house.set_up()

    body = {"name": "x", "issuer": house.provider.issuer, "client_id": "x", "return_urls": [APP]}
    assert (await house.owner.post("/v1/identity-providers", json=body)).status_code == 409


async def test_a_provider_that_goes_takes_its_sign_ins_with_it_and_leaves_the_people(house: House) -> None:
    known = await house.set_up()
    me = await house.me(known)
    said = await house.said(known)

    assert (await house.owner.delete(f"/v1/identity-providers/{known['id']}")).status_code == 204

    assert (await house.redeem(said["code"])).status_code == 400
    assert (await house.users())["anna@studio.example"]["id"] == me["id"]


async def test_somebody_who_came_by_a_provider_has_no_password_to_guess(house: House) -> None:
    await house.me(await house.set_up())

    form = {"grant_type": "password", "username": "anna@studio.example", "password": PASSWORD}

    assert (await house.browser.post("/v1/auth/token", data=form)).status_code == 400


async def test_without_a_public_address_there_is_no_signing_in_by_providers(postgres_url: str) -> None:
    async with a_gateway(postgres_url) as gateway:
        query = {"redirect_uri": APP, "code_challenge": challenge_of(VERIFIER)}
        answer = await gateway.anonymous().get(f"/v1/auth/sso/{uuid4()}/{uuid4()}", params=query)

    assert "operator" in json_of(answer, 404)["detail"]


async def test_what_a_provider_does_to_accounts_and_who_signs_in_by_it_is_written_down(house: House) -> None:
    known = await house.set_up(group_roles=[{"group": "film-editors", "role": "editor"}])
    anna = await house.me(known)
    house.provider.person = {**house.provider.person, "groups": []}
    rules = {"group_roles": [{"group": "grips", "role": "viewer"}]}
    json_of(await house.owner.patch(f"/v1/identity-providers/{known['id']}", json=rules), 200)
    house.provider.person = {**house.provider.person, "groups": ["grips"]}

    await house.me(known)

    lines = json_of(await house.owner.get("/v1/audit", params={"user_id": anna["id"]}), 200)["items"]
    said = [(line["action"], line["outcome"], line["remark"]) for line in lines]
    assert said == [
        ("issue_token", "done", None),
        ("finish_single_sign_on", "done", "an identity provider gave this user the role viewer"),
        ("issue_token", "done", None),
        ("finish_single_sign_on", "done", "an identity provider brought this user, with the role editor"),
    ]
    assert all(line["session_id"] for line in lines if line["action"] == "issue_token")
