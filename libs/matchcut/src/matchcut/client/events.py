"""Server-sent events: the parser of the WHATWG HTML standard, section 9.2.6, on lines of text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["ServerEvent", "parse_events"]


@dataclass(frozen=True)
class ServerEvent:
    """One event. ``id`` is the last one seen, which a reconnect sends back as ``Last-Event-ID``."""

    name: str
    data: str
    id: str | None = None
    retry_s: float | None = None


def parse_events(lines: Iterable[str], *, with_places: bool = False) -> Iterator[ServerEvent]:
    """Events as they are completed by a blank line; comments (heartbeats) are skipped, a cut-off last one is lost.

    ``with_places``: also what has an id and no data, as an event without a name. It is none, but says how far one is.
    """
    name, data, last_id, retry_s = "", list[str](), None, None
    told_id: str | None = None
    for line in lines:
        if not line:
            if data:
                yield ServerEvent(name or "message", "\n".join(data), last_id, retry_s)
            elif with_places and last_id != told_id:
                yield ServerEvent("", "", last_id, retry_s)
            told_id = last_id
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last_id = value
        elif field == "retry" and value.isdigit():
            retry_s = int(value) / 1000
