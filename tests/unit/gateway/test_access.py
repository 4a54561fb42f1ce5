"""Who may do what."""

from uuid import uuid4

from gateway.domain.access import RIGHTS_OF, Caller, Right, Role, may, may_appoint


def test_every_role_has_its_rights_written_down() -> None:
    assert set(RIGHTS_OF) == set(Role)


def test_viewers_change_nothing_but_their_own_password_and_sessions() -> None:
    assert {right for right in RIGHTS_OF[Role.VIEWER] if right.endswith((":write", ":erase"))} == {Right.ME_WRITE}


def test_editors_do_everything_but_erase_govern_and_send_news_out_of_the_house() -> None:
    assert RIGHTS_OF[Role.OWNER] - RIGHTS_OF[Role.EDITOR] == {
        Right.VIDEOS_ERASE,
        Right.USERS_READ,
        Right.USERS_WRITE,
        Right.API_KEYS_READ,
        Right.API_KEYS_WRITE,
        Right.TENANT_WRITE,
        Right.WEBHOOKS_READ,
        Right.WEBHOOKS_WRITE,
        Right.IDENTITY_PROVIDERS_READ,
        Right.IDENTITY_PROVIDERS_WRITE,
        Right.AUDIT_READ,
        Right.ERASURES_READ,
        Right.SCRIPTS_ERASE,
        Right.TENANT_ERASE,
        Right.RETENTION_READ,
        Right.RETENTION_WRITE,
        Right.EXPORTS_READ,
        Right.EXPORTS_WRITE,
        Right.BUDGET_WRITE,
        Right.RUNNERS_READ,
        Right.RUNNERS_WRITE,
    }


def test_machines_and_operators_see_no_films() -> None:
    for role in (Role.RUNNER, Role.OPS):
        assert not may(role, Right.VIDEOS_READ)
        assert not may(role, Right.RESULTS_READ)
        assert not may(role, Right.UPLOADS_WRITE)


def test_every_right_is_somebodys() -> None:
    assert frozenset().union(*RIGHTS_OF.values()) == set(Right)


def test_only_owners_appoint_owners_and_only_those_who_govern_appoint_anybody() -> None:
    able = {(by, role) for by in Role for role in Role if may_appoint(by, role)}

    assert {by for by, _ in able} == {Role.OWNER, Role.ADMIN}
    assert {role for by, role in able if by is Role.ADMIN} == set(Role) - {Role.OWNER}
    assert {role for by, role in able if by is Role.OWNER} == set(Role)


def test_a_token_never_carries_more_than_its_role() -> None:
    claimed = frozenset({Right.JOBS_READ, Right.VIDEOS_ERASE})

    assert Caller(uuid4(), uuid4(), Role.VIEWER, scopes=claimed).rights == {Right.JOBS_READ}
    assert Caller(uuid4(), uuid4(), Role.VIEWER).rights == RIGHTS_OF[Role.VIEWER]
