"""Checkpoints are read as data: nothing in them can run."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from vision.adapters.torch_weights import UnreadableWeights, read_torch_weights


class Hostile:
    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this must never be printed",)


def checkpoint(path: Path, content: object) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content))
    return path


def test_a_checkpoint_that_wants_to_run_something_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = checkpoint(tmp_path / "evil.pth", {"weight": Hostile()})

    with pytest.raises(UnreadableWeights, match=r"builtins\.print"):
        read_torch_weights(file)

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x80\x02}q\x00."])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(content)

    with pytest.raises(UnreadableWeights):
        read_torch_weights(file)
