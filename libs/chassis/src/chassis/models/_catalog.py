"""What a model is: files with digests, and where each may come from."""

from dataclasses import dataclass

__all__ = ["HubFile", "Model", "ModelFile", "PackageFile", "PackageParts", "Source"]


@dataclass(frozen=True)
class PackageFile:
    """A file that an installed distribution carries."""

    distribution: str
    path: str
    """Relative to site-packages, such as ``some_package/data/model.bin``."""


@dataclass(frozen=True)
class PackageParts:
    """A file that came in pieces, which joined in order make it whole."""

    parts: tuple[PackageFile, ...]


@dataclass(frozen=True)
class HubFile:
    """A file on the Hugging Face hub, at a fixed revision."""

    repo: str
    path: str
    revision: str


Source = PackageFile | PackageParts | HubFile


@dataclass(frozen=True)
class ModelFile:
    """One file of a model. A mounted copy is always tried before ``sources``."""

    name: str
    """What the engine expects it to be called."""
    sha256: str
    """64 hexadecimal digits, lower case."""
    sources: tuple[Source, ...]
    """Tried in order."""


@dataclass(frozen=True)
class Model:
    """A model a service may need."""

    name: str
    files: tuple[ModelFile, ...]
    licence: str
    about: str

    @property
    def sha256(self) -> str:
        """Digest of the first file, which by convention holds the weights."""
        return self.files[0].sha256
