"""Prose rots where no test reads it: the README's table, links and commands are those of the code."""

import re
import subprocess
from pathlib import Path

import pytest

from contracts.registry import ANNOUNCED_BY, FACTS, HEARD_BY, SERVICES

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
ENDINGS = {"json", "py", "html", "otio", "srt", "vtt", "mp", "txt", "md"}


def named(cell: str) -> set[str]:
    """Facts in back quotes; files look alike but for their endings."""
    dotted = re.findall(r"`([a-z]+\.[a-z]+)`", cell)
    return {f"{name}.v1" for name in dotted if name.split(".")[1] not in ENDINGS}


@pytest.mark.parametrize("service", SERVICES)
def test_the_table_of_facts_is_that_of_the_code(service: str) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| [{service}]"))

    _, _, wakes_on, announces, _, _ = row.split("|")

    assert named(wakes_on) == {stream for stream, services in HEARD_BY.items() if service in services}
    assert named(announces) == {fact.stream for fact in ANNOUNCED_BY[service]}


def test_every_fact_is_named_and_nothing_else_is() -> None:
    assert named(README) == set(FACTS)


def test_every_link_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]

    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"`?make ([a-z-]+)", README))

    assert {"demo", "test"} <= targets
    for target in targets:
        asked = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert asked.returncode == 0, asked.stderr
