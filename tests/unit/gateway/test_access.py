"""Who may do what."""

from gateway.domain.access import RIGHTS_OF, Right, Role, may


def test_every_role_has_its_rights_written_down() -> None:
    assert set(RIGHTS_OF) == set(Role)


def test_viewers_change_nothing() -> None:
    assert not {right for right in RIGHTS_OF[Role.VIEWER] if right.endswith((":write", ":erase"))}


def test_editors_do_everything_but_erase() -> None:
    assert RIGHTS_OF[Role.OWNER] - RIGHTS_OF[Role.EDITOR] == {Right.VIDEOS_ERASE}


def test_machines_and_operators_see_no_films() -> None:
    for role in (Role.RUNNER, Role.OPS):
        assert not may(role, Right.VIDEOS_READ)
        assert not may(role, Right.RESULTS_READ)
        assert not may(role, Right.UPLOADS_WRITE)


def test_every_right_is_somebodys() -> None:
    assert frozenset().union(*RIGHTS_OF.values()) == set(Right)
