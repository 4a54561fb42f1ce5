"""What a process writes while it works is gone when it is."""

import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from chassis.run._scratch import own_scratch


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_temporary_files_lie_in_a_folder_of_its_own_until_the_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "before")

    with own_scratch("toy", tmp_path / "made") as folder:
        kept = Path(tempfile.mkdtemp())
        told = os.environ["TMPDIR"]

    assert kept.parent == folder
    assert told == str(folder)
    assert names(tmp_path / "made") == []
    assert os.environ["TMPDIR"] == "before"
    assert Path(tempfile.mkdtemp(dir=tmp_path)).exists()


def test_what_a_killed_process_left_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    left, foreign, aim = (tmp_path / name for name in ("toy-scratch-left", "other-scratch-left", "aim"))
    for folder in (left, foreign, aim):
        folder.mkdir()
        (folder / "film").write_bytes(b"x")
    (tmp_path / "toy-scratch-link").symlink_to(aim)

    with own_scratch("toy", tmp_path):
        pass

    assert names(tmp_path) == ["aim", "other-scratch-left", "toy-scratch-link"]
    assert (aim / "film").exists()


def test_a_living_neighbours_folder_is_left_alone(tmp_path: Path) -> None:
    neighbour = tmp_path / "toy-scratch-neighbour"
    neighbour.mkdir()
    lock = os.open(neighbour, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)

    with own_scratch("toy", tmp_path):
        pass
    os.close(lock)

    assert names(tmp_path) == [neighbour.name]


def test_folders_are_made_anew_if_a_neighbour_deletes_them_before_they_are_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = tempfile.mkdtemp, []

    def mkdtemp(**given: object) -> str:
        made.append(real(prefix="toy-scratch-", dir=tmp_path))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    with own_scratch("toy", tmp_path) as folder:
        there = folder.exists()

    assert there
    assert str(folder) == made[1]
