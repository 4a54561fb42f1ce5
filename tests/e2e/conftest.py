"""One Matchcut for all stories of a test process: servers, six services, one user. Nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from matchcut.client import Matchcut
from matchcut.launcher import DataFolder, Launcher, running
from support.story_films import short_film


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """Everything `matchcut up` starts, in a folder of its own."""
    with running(DataFolder.at(tmp_path_factory.mktemp("matchcut"))) as launched:
        yield launched


@pytest.fixture
def matchcut(launcher: Launcher) -> Iterator[Matchcut]:
    """The client of the first user."""
    with Matchcut(launcher.url, launcher.credentials) as client:
        yield client


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A short real film and its script."""
    return short_film(tmp_path_factory.mktemp("film"))
