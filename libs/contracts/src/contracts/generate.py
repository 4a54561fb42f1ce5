"""Writes what others read instead of our code: AsyncAPI 3 and a JSON Schema for every fact and document.

``python -m contracts.generate docs`` writes; a test regenerates and compares.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from contracts.documents import DOCUMENTS
from contracts.event import Event, Fact
from contracts.registry import ANNOUNCED_BY, FACTS, HEARD_BY, SERVICES

__all__ = ["files"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def files() -> Iterator[tuple[str, str]]:
    """Every generated file: its path below ``docs/`` and its text."""
    yield "asyncapi.json", _text(_asyncapi())
    for stream, fact in FACTS.items():
        yield f"schemas/facts/{stream}.json", _text(_schema(Event[fact], stream))  # type: ignore[valid-type]
    for name, document in DOCUMENTS.items():
        yield f"schemas/{name.removesuffix('.json')}.schema.json", _text(_schema(document, name))


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _schema(model: Any, title: str) -> dict[str, Any]:
    return {"$schema": _DIALECT, **TypeAdapter(model).json_schema(), "title": title}


def _announcers(fact: type[Fact]) -> tuple[str, ...]:
    owner = next(owner for owner, facts in ANNOUNCED_BY.items() if fact in facts)
    return SERVICES if owner == "every service" else (owner,)


def _asyncapi() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for stream, fact in FACTS.items():
        channel = {"$ref": f"#/channels/{stream}"}
        for service in _announcers(fact):
            operations[f"{service}.announces.{stream}"] = {"action": "send", "channel": channel}
        for service in HEARD_BY[stream]:
            operations[f"{service}.hears.{stream}"] = {"action": "receive", "channel": channel}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Matchcut",
            "version": "1",
            "description": "Facts on Redis Streams: one stream a fact, CloudEvents 1.0 in JSON, "
            "one consumer group a service.",
        },
        "defaultContentType": "application/json",
        "channels": {stream: _channel(stream, fact) for stream, fact in FACTS.items()},
        "operations": operations,
    }


def _channel(stream: str, fact: type[Fact]) -> dict[str, Any]:
    return {
        "address": stream,
        "description": (fact.__doc__ or "").strip(),
        "messages": {
            fact.__name__: {
                "name": stream,
                "title": fact.__name__,
                "payload": {
                    "schemaFormat": "application/schema+json;version=draft-2020-12",
                    "schema": {"$ref": f"schemas/facts/{stream}.json"},
                },
            }
        },
    }


def _write(folder: Path) -> None:
    for path, text in files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
