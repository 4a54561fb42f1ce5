"""Weights are what they should be, or are not used."""

import hashlib
from pathlib import Path

import pytest

from chassis.models import HubFile, Model, ModelFile, ModelStore, ModelUnavailable, PackageFile, PackageParts

LICENCE = PackageFile("pytest", "pytest/__init__.py")
TYPED = PackageFile("pytest", "pytest/py.typed")


def installed(file: PackageFile) -> bytes:
    return (Path(pytest.__file__).parent.parent / file.path).read_bytes()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def model(*files: ModelFile) -> Model:
    return Model("tiny", files, "MIT", "for tests")


def test_a_packages_file_is_linked_under_its_name(tmp_path: Path) -> None:
    wanted = model(ModelFile("weights.bin", sha(installed(LICENCE)), (LICENCE,)))

    folder = ModelStore(None, tmp_path).ensure(wanted)

    assert (folder / "weights.bin").read_bytes() == installed(LICENCE)
    assert (folder / "weights.bin").is_symlink()


def test_parts_are_joined(tmp_path: Path) -> None:
    whole = installed(LICENCE) + installed(TYPED) + installed(LICENCE)
    wanted = model(ModelFile("model.bin", sha(whole), (PackageParts((LICENCE, TYPED, LICENCE)),)))

    folder = ModelStore(None, tmp_path).ensure(wanted)

    assert (folder / "model.bin").read_bytes() == whole


def test_a_mounted_file_comes_first(tmp_path: Path) -> None:
    mounted = tmp_path / "mounted" / "tiny"
    mounted.mkdir(parents=True)
    (mounted / "w").write_bytes(installed(LICENCE))
    wanted = model(ModelFile("w", sha(installed(LICENCE)), (LICENCE,)))

    folder = ModelStore(tmp_path / "mounted", tmp_path / "cache").ensure(wanted)

    assert (folder / "w").resolve() == mounted / "w"


def test_a_damaged_mounted_file_is_passed_over(tmp_path: Path) -> None:
    mounted = tmp_path / "mounted" / "tiny"
    mounted.mkdir(parents=True)
    (mounted / "w").write_bytes(b"damaged")
    wanted = model(ModelFile("w", sha(installed(LICENCE)), (LICENCE,)))

    folder = ModelStore(tmp_path / "mounted", tmp_path / "cache").ensure(wanted)

    assert (folder / "w").read_bytes() == installed(LICENCE)


def test_a_file_damaged_after_it_was_verified_is_made_again(tmp_path: Path) -> None:
    whole = installed(LICENCE) + installed(TYPED)
    wanted = model(ModelFile("w", sha(whole), (PackageParts((LICENCE, TYPED)),)))
    store = ModelStore(None, tmp_path)
    folder = store.ensure(wanted)

    (folder / "w").write_bytes(whole[:-1] + b"?")
    store.ensure(wanted)

    assert (folder / "w").read_bytes() == whole


def test_a_file_with_the_wrong_digest_is_refused_with_advice(tmp_path: Path) -> None:
    wanted = model(ModelFile("w", "0" * 64, (LICENCE,)))

    with pytest.raises(ModelUnavailable, match="sha256 is not the expected one") as refusal:
        ModelStore(None, tmp_path).ensure(wanted)

    assert "<models_dir>/tiny/w" in str(refusal.value)
    assert [path.name for path in tmp_path.rglob("*") if not path.is_dir()] == []


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    sources = (PackageFile("no-such-package", "x"), PackageFile("pytest", "pytest/none"), HubFile("a/b", "c", "main"))

    with pytest.raises(ModelUnavailable) as refusal:
        ModelStore(None, tmp_path).ensure(model(ModelFile("w", "0" * 64, sources)))

    assert "pip install no-such-package" in str(refusal.value)
    assert "pytest has no pytest/none" in str(refusal.value)
    assert "forbids downloads" in str(refusal.value)
