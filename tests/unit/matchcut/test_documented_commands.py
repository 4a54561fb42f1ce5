"""Every command that a page tells people to type exists, with the options it is told with."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from matchcut.main import app

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("[ls]*/*/README.md"))]
_FENCE = re.compile(r"^[ ]*```.*?^[ ]*```", re.DOTALL | re.MULTILINE)


def said(text: str) -> Iterator[str]:
    """The command lines of a page: what its blocks show, and what stands in back quotes."""
    for block in _FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if found := re.match(r"\s*(?:\$ )?(matchcut .+?)(?:\s+#.*)?$", line):
                yield found[1]
    for span in re.findall(r"`(matchcut [^`]+)`", _FENCE.sub("", text)):
        yield " ".join(span.split())


def commands() -> list[tuple[str, str]]:
    """Page and command; of ``work list|cancel`` each."""
    found = [(str(page.relative_to(ROOT)), line) for page in PAGES for line in said(page.read_text())]
    return sorted({(page, each) for page, line in found for each in alternatives(line)})


def alternatives(line: str) -> list[str]:
    """``dlq list|show`` is two commands; a pipe between spaces ends one."""
    words = line.split(" | ")[0].split(" ")
    choice = next((word for word in words[1:] if re.fullmatch(r"[a-z-]+(\|[a-z-]+)+", word)), None)
    return [" ".join(words).replace(choice, one) for one in choice.split("|")] if choice else [" ".join(words)]


def test_the_pages_tell_many_commands() -> None:
    assert len(commands()) > 20
    assert {"docs/operations.md", "README.md"} <= {page for page, _ in commands()}


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_that_a_page_tells_exists(page: str, line: str) -> None:
    words = shlex.split(line)[1:]
    command = get_command(app)

    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        name = words.pop(0)
        assert name in command.commands, f"{page}: {line}"
        command = command.commands[name]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "--version"}

    assert [word for word in words if re.match(r"--?[a-z]", word) and word.split("=")[0] not in options] == []
