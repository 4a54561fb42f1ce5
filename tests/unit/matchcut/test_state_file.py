"""What a launcher leaves for other commands to find."""

import os
from pathlib import Path

import psutil

from matchcut.launcher import State, read_state
from matchcut.launcher.environment import SERVICES, service_environment
from matchcut.launcher.folder import DataFolder
from matchcut.launcher.state import ServiceState, write_state


def a_state(**changed: object) -> State:
    known = {
        "launcher_pid": os.getpid(),
        "launcher_started": psutil.Process().create_time(),
        "ready": True,
        "url": "http://127.0.0.1:8400",
        "email": "you@matchcut.local",
        "password": "secret",
        "postgres_url": "postgresql://m:p@127.0.0.1:5/m",
        "redis_url": "redis://:p@127.0.0.1:6/0",
        "servers": {"postgres": 1},
        "services": {"gateway": ServiceState(port=8400, pid=7)},
        "folder": "/somewhere",
    }
    return State.model_validate(known | changed)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    write_state(tmp_path / "state.json", a_state())

    assert read_state(tmp_path / "state.json") == a_state()


def test_nobody_else_may_read_the_passwords(tmp_path: Path) -> None:
    write_state(tmp_path / "state.json", a_state())
    folder = DataFolder.at(tmp_path / "data")
    folder.make()
    folder.secret("user")

    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600
    assert (folder.root / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_launcher_that_is_gone_is_no_launcher(tmp_path: Path) -> None:
    write_state(tmp_path / "state.json", a_state(launcher_started=1.0))

    assert read_state(tmp_path / "state.json") is None
    assert read_state(tmp_path / "absent.json") is None
    (tmp_path / "half.json").write_text('{"launcher_pid": 1')
    assert read_state(tmp_path / "half.json") is None


def test_secrets_stay_the_same_once_they_are_made(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path)
    folder.make()

    assert folder.secret("user") == folder.secret("user")
    assert folder.secret("user") != folder.secret("other")


def test_each_service_gets_its_own_role_and_only_its_own_prefix(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path)
    folder.make()

    for service in SERVICES:
        told = service_environment(
            service,
            folder,
            postgres_url="postgresql://matchcut:pw@127.0.0.1:5432/matchcut",
            redis_url="redis://x",
            http_port=1,
        )

        assert all(name.startswith(f"{service.upper()}_") for name in told)
        assert told[f"{service.upper()}_DATABASE_URL"].startswith(f"postgresql://{service}:")
        assert told[f"{service.upper()}_DATABASE_URL"].endswith("@127.0.0.1:5432/matchcut")
        assert told[f"{service.upper()}_BLOBS_URL"] == folder.blobs.as_uri()
