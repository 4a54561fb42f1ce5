"""A page whose tables a program fills in and whose sentences people write: each keeps to its own."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["filled", "shown", "table", "write_blocks"]

_BLOCK = "<!-- {name} -->\n{content}\n<!-- /{name} -->"


def filled(page: str, blocks: Mapping[str, str]) -> str:
    """The page with each block between its two marks; every block must have its place.

    Raises:
        KeyError: the page has no place of that name.
    """
    for name, content in blocks.items():
        place = re.compile(f"<!-- {re.escape(name)} -->.*?<!-- /{re.escape(name)} -->", re.DOTALL)
        if not place.search(page):
            raise KeyError(f"the page has no <!-- {name} --> to put figures in")
        whole = _BLOCK.format(name=name, content=content.strip()).replace("\\", r"\\")
        page = place.sub(whole, page)
    return page


def write_blocks(path: Path, blocks: Mapping[str, str]) -> None:
    """Fill in a page that stands."""
    path.write_text(filled(path.read_text(), blocks))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as Markdown; the columns are those of the first."""
    if not rows:
        return ""
    columns = [name for name, value in rows[0].items() if not isinstance(value, list | dict)]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [f"| {' | '.join(shown(row.get(name)).replace('|', '/') for name in columns)} |" for row in rows]
    return "\n".join(lines)


def shown(value: object) -> str:
    """A figure with three digits behind the point; nothing for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
