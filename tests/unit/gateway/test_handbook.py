"""The reference that is checked in is the one the routes have."""

import re
from pathlib import Path

import pytest

from gateway.api.handbook import files

DOCS = Path(__file__).resolve().parents[3] / "docs"
FILES = dict(files())


@pytest.mark.parametrize("name", FILES)
def test_the_reference_is_the_one_checked_in(name: str) -> None:
    kept = DOCS / "api" / name

    assert kept.is_file(), "run `make docs` and commit what it wrote"
    assert kept.read_text(encoding="utf-8") == FILES[name], "run `make docs` and commit what it wrote"


def test_no_page_is_left_from_what_is_gone() -> None:
    assert {path.name for path in (DOCS / "api").iterdir()} == set(FILES)


def test_links_within_the_reference_lead_somewhere() -> None:
    anchors = {
        name: {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)}
        for name, text in FILES.items()
    }

    for name, text in FILES.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text) if name.endswith(".md") else ():
            page, _, anchor = target.partition("#")
            if page.startswith("https://"):
                continue
            assert not page or page in FILES or (DOCS / "api" / page).is_file(), target
            assert not anchor or anchor in anchors[page or name], target
