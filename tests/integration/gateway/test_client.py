"""The Python client against a gateway that really serves: people, sessions and keys."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gateway.domain.access import Role
from matchcut.client import (
    Conflict,
    Credentials,
    Forbidden,
    Invalid,
    Matchcut,
    NotFound,
    Unauthorised,
    accept_invitation,
)
from support.gateway_rig import PASSWORD
from support.gateway_served import served

OWNER = "anna@example.org"


async def test_everything_about_people_can_be_done_with_the_client(postgres_url: str) -> None:
    async with served(postgres_url) as (gateway, url):
        await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER)

        await asyncio.to_thread(people, url)


async def test_everything_about_sessions_can_be_done_with_the_client(postgres_url: str) -> None:
    async with served(postgres_url) as (gateway, url):
        await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER)

        await asyncio.to_thread(sessions, url)


async def test_everything_about_keys_can_be_done_with_the_client(postgres_url: str) -> None:
    async with served(postgres_url) as (gateway, url):
        await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER)

        await asyncio.to_thread(keys, url)


def people(url: str) -> None:
    with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as anna:
        me = anna.me()
        assert me.id is not None
        assert me.tenant_id is not None
        invitation = anna.invite("bert@example.org", "editor")
        again = anna.invite_again(invitation.user.id)
        with pytest.raises(Invalid):
            accept_invitation(url, invitation.invitation, PASSWORD)
        accept_invitation(url, again.invitation, PASSWORD)
        with Matchcut(url, Credentials("bert@example.org", PASSWORD), patience_s=0) as bert:
            assert bert.me().role == "editor"
            with pytest.raises(Forbidden):
                bert.invite("carl@example.org", "viewer")
            assert anna.change_user(invitation.user.id, role="viewer").role == "viewer"
            assert bert.me().role == "viewer", "the client signs in again by itself"
            assert len(anna.sessions(invitation.user.id)) == 1
            anna.end_sessions(invitation.user.id)
            assert anna.sessions(invitation.user.id) == ()
            anna.change_user(invitation.user.id, disabled=True)
            with pytest.raises(Unauthorised):
                bert.me()
        assert [user.state for user in anna.users()] == ["disabled", "active"]
        anna.remove_user(invitation.user.id)
        with pytest.raises(NotFound):
            anna.user(invitation.user.id)
        with pytest.raises(Conflict):
            anna.remove_user(me.id)
        assert anna.rename_tenant(me.tenant_id, "Studio Berlin") == anna.tenant(me.tenant_id)


def sessions(url: str) -> None:
    with (
        Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as laptop,
        Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as phone,
    ):
        phone.me()
        assert [one.current for one in laptop.sessions()] == [True, False]
        laptop.end_session(laptop.sessions()[1].id)
        assert len(laptop.sessions()) == 1
        phone.me()
        laptop.end_sessions()
        assert len(laptop.sessions()) == 1
        phone.sign_out()
        phone.me()
        phone.sign_out()
        phone.sign_out()
        assert len(laptop.sessions()) == 1
        laptop.change_password(PASSWORD, "another good password")
        with pytest.raises(Unauthorised):
            phone.me()


def keys(url: str) -> None:
    with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as anna:
        until = datetime.now(UTC) + timedelta(days=1)
        made = anna.make_api_key("render farm", ["me:read", "jobs:read"], expires_at=until)
        with Matchcut(url, Credentials(token=made.secret), patience_s=0) as farm:
            assert farm.me().rights == ("jobs:read", "me:read")
            assert list(farm.jobs()) == []
            with pytest.raises(Forbidden):
                list(farm.videos())
            assert [one.name for one in anna.api_keys()] == ["render farm"]
            anna.revoke_api_key(made.api_key.id)
            with pytest.raises(Unauthorised):
                farm.me()
        assert anna.api_key(made.api_key.id).state == "revoked"


async def test_the_audit_can_be_read_with_the_client(postgres_url: str) -> None:
    async with served(postgres_url) as (gateway, url):
        await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER)

        await asyncio.to_thread(audit, url)


def audit(url: str) -> None:
    with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as anna:
        me = anna.me()
        made = anna.make_api_key("render farm", ["jobs:read"])
        since = datetime.now(UTC) - timedelta(minutes=5)

        [entry] = anna.audit(action="make_api_key", user_id=me.id, outcome="done", since=since)
        assert (entry.resource_id, entry.agent) == (made.api_key.id, "matchcut-client")
        assert [one.id for one in anna.audit(resource_id=made.api_key.id)] == [entry.id]
        assert list(anna.audit(until=since)) == []
        assert str(entry.id) in anna.audit_csv()
        assert anna.verify_audit().state == "whole"
        with Matchcut(url, Credentials(token=made.secret), patience_s=0) as program, pytest.raises(Forbidden):
            next(program.audit())


async def test_erasures_can_be_asked_for_and_watched_with_the_client(postgres_url: str) -> None:
    async with served(postgres_url) as (gateway, url):
        owner = await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER)
        client = await gateway.client(owner)
        video, script = await gateway.video(client), await gateway.script(client)

        await asyncio.to_thread(erasures, url, UUID(video["id"]), UUID(script["id"]))


def erasures(url: str, video_id: UUID, script_id: UUID) -> None:
    with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as anna:
        video, script = anna.erase_video(video_id), anna.erase_script(script_id)
        assert (video.kind, video.subject_id, video.receipt) == ("video", video_id, None)
        assert set(script.awaited) == {"align", "gateway"}
        assert anna.erasure(video.id) == video
        export = anna.start_export()
        assert anna.start_export().id == export.id, "one is being made already"
        assert [anna.export(export.id)] == list(anna.exports()) == [export]
        rules = anna.retention().model_copy(update={"videos": 90, "audit": 400})
        assert anna.set_retention(rules) == anna.retention() == rules
        with pytest.raises(Invalid):
            anna.erase_tenant("another studio")
        begun = anna.erase_tenant("studio")
        assert [one.id for one in anna.erasures()] == [begun.erasure.id, script.id, video.id]
        with pytest.raises(NotFound):
            anna.receipt(begun.receipt_token)
