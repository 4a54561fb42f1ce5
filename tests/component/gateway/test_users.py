"""The people of a tenant."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, update

from gateway.adapters.postgres.tables import users
from gateway.domain.access import Role
from support.gateway_rig import PASSWORD, Gateway, json_of

BERT = "bert@example.org"


async def invited(client: httpx.AsyncClient, role: str = "editor", email: str = BERT) -> dict[str, Any]:
    return json_of(await client.post("/v1/users", json={"email": email, "role": role}), 201)


async def accept(gateway: Gateway, token: str, password: str = PASSWORD) -> httpx.Response:
    body = {"invitation": token, "password": password}
    return await gateway.anonymous().post("/v1/auth/accept-invitation", json=body)


async def sign_in(gateway: Gateway, email: str = BERT) -> httpx.Response:
    form = {"grant_type": "password", "username": email, "password": PASSWORD}
    return await gateway.anonymous().post("/v1/auth/token", data=form)


async def staff(gateway: Gateway, *roles: Role) -> list[tuple[UUID, httpx.AsyncClient]]:
    """People of one tenant, each with a client."""
    tenant_id = await gateway.tenant("studio")
    callers = [await gateway.user(tenant_id, role) for role in roles]
    return [(caller.user_id, await gateway.client(caller)) for caller in callers]


async def test_somebody_invited_chooses_a_password_and_signs_in_with_their_role(gateway: Gateway) -> None:
    owner = await gateway.owner()
    invitation = await invited(owner)
    before = await sign_in(gateway)

    accepted = await accept(gateway, invitation["invitation"])

    grant = json_of(await sign_in(gateway), 200)
    me = await gateway.anonymous().get("/v1/me", headers={"Authorization": f"Bearer {grant['access_token']}"})
    listed = json_of(await owner.get("/v1/users"), 200)["items"]
    assert (before.status_code, accepted.status_code) == (400, 204)
    assert json_of(me, 200)["role"] == "editor"
    assert invitation["user"]["state"] == "invited"
    assert (listed[0]["email"], listed[0]["state"]) == (BERT, "active")


async def test_an_invitation_is_good_once_and_only_the_newest_one(gateway: Gateway) -> None:
    owner = await gateway.owner()
    first = await invited(owner)
    place = f"/v1/users/{first['user']['id']}/invitation"
    second = json_of(await owner.post(place), 201)

    answers = [await accept(gateway, one["invitation"]) for one in (first, second, second)]

    assert [answer.status_code for answer in answers] == [400, 204, 400]
    assert json_of(answers[0], 400)["type"] == "/problems/invalid-grant"


async def test_an_invitation_expires(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"))
    invitation = await invited(await gateway.client(caller))

    async with gateway.harness.database.begin(caller.tenant_id) as work:
        await work.connection.execute(update(users).values(invited_until=func.now()))

    assert (await accept(gateway, invitation["invitation"])).status_code == 400


async def test_an_invitation_is_kept_by_its_hash(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"))
    invitation = await invited(await gateway.client(caller))

    async with gateway.harness.database.read(caller.tenant_id) as connection:
        kept = str((await connection.execute(users.select())).all())

    assert invitation["invitation"] not in kept


async def test_a_forgotten_password_is_replaced_by_a_new_invitation_and_old_sessions_end(gateway: Gateway) -> None:
    owner = await gateway.owner()
    invitation = await invited(owner)
    await accept(gateway, invitation["invitation"])
    grant = json_of(await sign_in(gateway), 200)
    again = json_of(await owner.post(f"/v1/users/{invitation['user']['id']}/invitation"), 201)

    answer = await accept(gateway, again["invitation"], "a better one than before")

    me = await gateway.anonymous().get("/v1/me", headers={"Authorization": f"Bearer {grant['access_token']}"})
    assert answer.status_code == 204
    assert me.status_code == 401
    assert (await sign_in(gateway)).status_code == 400


async def test_an_address_is_one_persons_over_all_tenants(gateway: Gateway) -> None:
    await gateway.user(await gateway.tenant("other"), email=BERT)
    owner = await gateway.owner()

    answer = await owner.post("/v1/users", json={"email": BERT.upper(), "role": "viewer"})

    assert json_of(answer, 409)["type"] == "/problems/email-taken"


async def test_another_role_holds_at_once(gateway: Gateway) -> None:
    owner = await gateway.owner()
    invitation = await invited(owner, "admin")
    await accept(gateway, invitation["invitation"])
    old = json_of(await sign_in(gateway), 200)

    changed = await owner.patch(f"/v1/users/{invitation['user']['id']}", json={"role": "viewer"})

    headers = {"Authorization": f"Bearer {old['access_token']}"}
    assert json_of(changed, 200)["role"] == "viewer"
    assert (await gateway.anonymous().get("/v1/users", headers=headers)).status_code == 401
    assert "users:read" not in json_of(await sign_in(gateway), 200)["scope"]


async def test_somebody_disabled_is_out_at_once_and_back_when_enabled(gateway: Gateway) -> None:
    owner = await gateway.owner()
    invitation = await invited(owner)
    await accept(gateway, invitation["invitation"])
    grant = json_of(await sign_in(gateway), 200)
    place = f"/v1/users/{invitation['user']['id']}"

    disabled = json_of(await owner.patch(place, json={"disabled": True}), 200)
    out = [
        await gateway.anonymous().get("/v1/me", headers={"Authorization": f"Bearer {grant['access_token']}"}),
        await gateway.anonymous().post(
            "/v1/auth/token", data={"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
        ),
        await sign_in(gateway),
    ]
    json_of(await owner.patch(place, json={"disabled": False}), 200)

    assert disabled["state"] == "disabled"
    assert [answer.status_code for answer in out] == [401, 400, 400]
    assert (await sign_in(gateway)).status_code == 200


async def test_somebody_removed_is_gone_with_what_let_them_in(gateway: Gateway) -> None:
    [(_, owner), (bert, client)] = await staff(gateway, Role.OWNER, Role.ADMIN)
    key = json_of(await client.post("/v1/api-keys", json={"name": "a", "scopes": ["me:read"]}), 201)

    answer = await owner.delete(f"/v1/users/{bert}")

    headers = {"Authorization": f"Bearer {key['secret']}"}
    assert answer.status_code == 204
    assert (await gateway.anonymous().get("/v1/me", headers=headers)).status_code == 401
    assert (await owner.get(f"/v1/users/{bert}")).status_code == 404


@pytest.mark.parametrize("change", [{"role": "admin"}, {"disabled": True}, None], ids=["demote", "disable", "remove"])
async def test_the_last_owner_stays(gateway: Gateway, change: dict[str, Any] | None) -> None:
    [(owner_id, owner), (_, _)] = await staff(gateway, Role.OWNER, Role.ADMIN)
    await invited(owner, "owner")  # has not accepted: nobody could sign in

    place = f"/v1/users/{owner_id}"
    answer = await (owner.delete(place) if change is None else owner.patch(place, json=change))

    assert json_of(answer, 409)["type"] == "/problems/last-owner"
    assert json_of(await owner.get(place), 200)["role"] == "owner"


async def test_two_owners_who_demote_each_other_at_one_moment_leave_one(gateway: Gateway) -> None:
    for number in range(4):
        tenant_id = await gateway.tenant(f"studio {number}")
        callers = [await gateway.user(tenant_id) for _ in range(2)]
        clients = [await gateway.client(caller) for caller in callers]

        answers = await asyncio.gather(
            clients[0].patch(f"/v1/users/{callers[1].user_id}", json={"role": "viewer"}),
            clients[1].patch(f"/v1/users/{callers[0].user_id}", json={"role": "viewer"}),
        )

        assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_only_owners_make_and_touch_owners(gateway: Gateway) -> None:
    [(owner_id, owner), (admin_id, admin), _] = await staff(gateway, Role.OWNER, Role.ADMIN, Role.OWNER)
    place = f"/v1/users/{owner_id}"

    refused = [
        await admin.post("/v1/users", json={"email": BERT, "role": "owner"}),
        await admin.patch(place, json={"role": "viewer"}),
        await admin.patch(f"/v1/users/{admin_id}", json={"role": "owner"}),
        await admin.delete(place),
        await admin.post(f"{place}/invitation"),
        await admin.delete(f"{place}/sessions"),
    ]

    assert [answer.status_code for answer in refused] == [403] * 6
    assert (await owner.patch(f"/v1/users/{admin_id}", json={"role": "owner"})).status_code == 200


async def test_an_admin_signs_somebody_out_everywhere(gateway: Gateway) -> None:
    owner = await gateway.owner()
    invitation = await invited(owner)
    await accept(gateway, invitation["invitation"])
    grant = json_of(await sign_in(gateway), 200)
    place = f"/v1/users/{invitation['user']['id']}/sessions"
    listed = json_of(await owner.get(place), 200)["items"]

    answer = await owner.delete(place)

    me = await gateway.anonymous().get("/v1/me", headers={"Authorization": f"Bearer {grant['access_token']}"})
    assert (len(listed), answer.status_code, me.status_code) == (1, 204, 401)
    assert json_of(await owner.get(place), 200)["items"] == []


async def test_users_are_listed_page_by_page(gateway: Gateway) -> None:
    owner = await gateway.owner()
    for number in range(3):
        await invited(owner, email=f"user{number}@example.org")

    first = json_of(await owner.get("/v1/users", params={"limit": 2}), 200)
    second = json_of(await owner.get("/v1/users", params={"limit": 2, "cursor": first["next_cursor"]}), 200)

    assert [one["email"] for one in first["items"]] == ["user2@example.org", "user1@example.org"]
    assert second["items"][0]["email"] == "user0@example.org"
    assert second["next_cursor"] is None


async def test_a_tenant_is_renamed_and_never_to_the_name_of_another(gateway: Gateway) -> None:
    await gateway.tenant("taken")
    owner = await gateway.owner()
    place = f"/v1/tenants/{json_of(await owner.get('/v1/me'), 200)['tenant_id']}"

    renamed = json_of(await owner.patch(place, json={"name": "Studio Berlin"}), 200)
    taken = await owner.patch(place, json={"name": "taken"})

    assert renamed["name"] == json_of(await owner.get(place), 200)["name"] == "Studio Berlin"
    assert json_of(taken, 409)["type"] == "/problems/name-taken"


@pytest.mark.parametrize("change", ["removed", "disabled", "demoted"])
async def test_what_an_admin_gave_who_is_none_any_more_lets_nobody_in(gateway: Gateway, change: str) -> None:
    [(_, owner), (admin_id, admin)] = await staff(gateway, Role.OWNER, Role.ADMIN)
    theirs, ours = await invited(admin, "admin"), await invited(owner, email="ours@example.org")
    known = json_of(await owner.get("/v1/users"), 200)["items"]
    reset = json_of(await admin.post(f"/v1/users/{ours['user']['id']}/invitation"), 201)
    ours_again = json_of(await owner.post(f"/v1/users/{ours['user']['id']}/invitation"), 201)
    place = f"/v1/users/{admin_id}"

    if change == "removed":
        assert (await owner.delete(place)).status_code == 204
    elif change == "disabled":
        json_of(await owner.patch(place, json={"disabled": True}), 200)
        json_of(await owner.patch(place, json={"disabled": False}), 200)
    else:
        json_of(await owner.patch(place, json={"role": "editor"}), 200)
    answers = [await accept(gateway, one["invitation"]) for one in (theirs, reset, ours_again)]

    assert [answer.status_code for answer in answers] == [400, 400, 204]
    assert len(known) == 4
    again = json_of(await owner.post(f"/v1/users/{theirs['user']['id']}/invitation"), 201)
    assert (await accept(gateway, again["invitation"])).status_code == 204


async def test_an_owner_who_becomes_an_admin_leaves_no_way_to_become_an_owner(gateway: Gateway) -> None:
    [(_, owner), (other_id, other)] = await staff(gateway, Role.OWNER, Role.OWNER)
    an_owner = await invited(other, "owner")
    an_editor = await invited(other, "editor", "editor@example.org")

    json_of(await owner.patch(f"/v1/users/{other_id}", json={"role": "admin"}), 200)
    answers = [await accept(gateway, one["invitation"]) for one in (an_owner, an_editor)]

    assert [answer.status_code for answer in answers] == [400, 204]


async def test_an_invitation_by_somebody_who_is_removed_while_they_give_it_is_void(gateway: Gateway) -> None:
    [(_, owner), (admin_id, admin)] = await staff(gateway, Role.OWNER, Role.ADMIN)
    invitation = await invited(admin)
    nobody = UUID(int=7)

    tenant_id = UUID(json_of(await owner.get("/v1/me"), 200)["tenant_id"])
    async with gateway.harness.database.begin(tenant_id) as work:
        of_admin = update(users).where(users.c.invited_by == admin_id)
        await work.connection.execute(of_admin.values(invited_by=nobody))
    answer = await accept(gateway, invitation["invitation"])

    assert answer.status_code == 400
