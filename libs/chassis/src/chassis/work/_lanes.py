"""Which tasks go to which workers. Most services have one lane; one whose machines are of two kinds has two."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["WHOLE", "Lane", "main_lane"]

_KIND = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Lane:
    """Tasks of some kinds, with a work stream and workers of their own."""

    name: str = ""
    """What its stream is called, behind the service's name; the main one has none."""
    workers: int = 0
    """Tasks at once in this process; 0: they are done elsewhere."""
    only: frozenset[str] = frozenset()
    """Kinds of tasks that are its own."""
    but: frozenset[str] = frozenset()
    """Or those that are not."""
    ahead: int = 0
    """Tasks that are sent beyond what live workers take: so the stream shows that there is more, and whoever scales the
    workers sees it, also when there are none."""

    @property
    def condition(self) -> str:
        """What is true of its tasks, as SQL that follows other conditions; nothing where there is one lane alone."""
        if self.only:
            return f" AND kind IN ({_listed(self.only)})"
        return f" AND kind NOT IN ({_listed(self.but)})" if self.but else ""


WHOLE = Lane()
"""All there is."""


def main_lane(lanes: Iterable[Lane], *, workers: int) -> Lane:
    """Everything that these lanes leave."""
    return Lane(workers=workers, but=frozenset[str]().union(*(lane.only for lane in lanes)))


def _listed(kinds: frozenset[str]) -> str:
    """Written out, so that the planner sees them; kinds are words of the code, never of a client."""
    for kind in kinds:
        if not _KIND.fullmatch(kind):
            raise ValueError(f"{kind!r} is no kind of task")
    return ", ".join(f"'{kind}'" for kind in sorted(kinds))
