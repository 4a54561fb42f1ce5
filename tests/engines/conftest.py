"""Engines run offline here, and write nothing into anybody's home."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            environment.setenv(name, "1")
        environment.setenv("PYANNOTE_METRICS_ENABLED", "0")
        environment.setenv("YOLO_OFFLINE", "True")
        environment.setenv("YOLO_AUTOINSTALL", "False")
        for name in ("YOLO_CONFIG_DIR", "MPLCONFIGDIR"):
            environment.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield
