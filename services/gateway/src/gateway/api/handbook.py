"""Writes the reference people read without running anything: ``docs/api``, a page a tag, and the document itself.

``python -m gateway.api.handbook docs/api`` writes; a test regenerates and compares.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from gateway.api.app import describe
from gateway.api.openapi import Operation, operations

__all__ = ["files"]

Schema = dict[str, Any]
_INTRO = """# The API

<!-- Generated from the routes by `make docs`. -->

{about}

The same as a document: [`openapi.json`](openapi.json) (OpenAPI {version}); to try out: `/docs` of your gateway. Start
with the [quickstart](../quickstart.md). In Python: `matchcut.client`.

| | |
|---|---|
{rows}
"""
_EVERYWHERE = ("401", "403", "413", "422", "503")


def files() -> Iterator[tuple[str, str]]:
    """Every generated file: its path below ``docs/api`` and its text."""
    document = describe()
    yield "openapi.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    pages = {tag["name"]: tag["description"] for tag in document["tags"]}
    rows = []
    for tag, about in pages.items():
        of_tag = [one for one in operations(document) if tag in one[2]["tags"]]
        rows.append(f"| [{_title(tag)}]({_file(tag)}) | {about} |")
        yield _file(tag), _page(tag, about, of_tag, document["components"]["schemas"])
    info = document["info"]
    yield "README.md", _INTRO.format(about=info["description"], version=document["openapi"], rows="\n".join(rows))


def _file(tag: str) -> str:
    return f"{tag.replace(' ', '-')}.md"


def _title(tag: str) -> str:
    return (tag[0].upper() + tag[1:]).replace("Api ", "API ")


def _page(tag: str, about: str, listed: Sequence[tuple[str, str, Operation]], schemas: Schema) -> str:
    """All operations of a tag, after a table of them."""
    rows = [f"| [`{method} {path}`](#{_anchor(said)}) | {said['summary']} |" for method, path, said in listed]
    parts = [f"# {_title(tag)}", f"{about} [All of the API](README.md)", _table("", "", rows)]
    for method, path, said in listed:
        parts += _operation(method, path, said, schemas)
    return "\n\n".join(part for part in parts if part) + "\n"


def _anchor(operation: Operation) -> str:
    return str(operation["summary"]).lower().replace(" ", "-")


def _operation(method: str, path: str, said: Operation, schemas: Schema) -> Iterator[str]:
    rights = sorted({right for way in said.get("security", ()) for right in way.get("OAuth2", ())})
    yield f"## {said['summary']}"
    yield f"`{method} {path}` — " + (f"takes the right `{', '.join(rights)}`" if rights else "open to all")
    yield said["description"]
    parameters = [
        f"| `{one['name']}` {'' if one['in'] == 'path' else one['in']} | {_type(one['schema'], schemas)} "
        f"| {_line(one.get('description', ''))} |"
        for one in said.get("parameters", ())
        if one["name"].lower() != "idempotency-key"
    ]
    yield _table("parameter", "type", parameters, "about")
    for media_type, content in said.get("requestBody", {}).get("content", {}).items():
        yield f"Send `{media_type}`:"
        yield from _body(content, schemas, as_form=media_type == "application/x-www-form-urlencoded")
    yield _answers(said["responses"])
    for status, response in said["responses"].items():
        for content in response.get("content", {}).values() if int(status) < 300 else ():
            if content.get("schema"):
                yield f"`{status}` brings:"
                yield from _body(content, schemas)


def _answers(responses: Schema) -> str:
    """What may come back. What any operation may answer is said once, in the introduction."""
    told = [
        f"| {status} | {_line(response['description'])} |"
        for status, response in responses.items()
        if status not in _EVERYWHERE or response["description"].count("/problems/") > 1
    ]
    return _table("answer", "", told)


def _body(content: Schema, schemas: Schema, *, as_form: bool = False) -> Iterator[str]:
    """An example, and what each field means."""
    shown = [example["value"] for example in content.get("examples", {}).values()]
    for example in shown or ([content["example"]] if "example" in content else []):
        if as_form:
            yield f"```\n{urlencode(example, safe='…@')}\n```"
        else:
            yield f"```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```"
    schema = _resolved(content.get("schema", {}), schemas)
    required = schema.get("required", ())
    rows = []
    for name, field in schema.get("properties", {}).items():
        must = " *" if name in required else ""
        rows.append(f"| `{name}`{must} | {_type(field, schemas)} | {_line(field.get('description', ''))} |")
    if rows:
        yield f"<details><summary>Fields</summary>\n\n{_table('field', 'type', rows, 'about')}\n\n</details>"


def _table(first: str, second: str, rows: Sequence[str], third: str | None = None) -> str:
    if not rows:
        return ""
    head = f"| {first} | {second} |\n|---|---|" if third is None else f"| {first} | {second} | {third} |\n|---|---|---|"
    return "\n".join([head, *rows])


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _type(schema: Schema, schemas: Schema) -> str:
    """A type in a few words."""
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if choices:
        return " or ".join(dict.fromkeys(_type(choice, schemas) for choice in choices))
    found = _resolved(schema, schemas)
    if "const" in found:
        return f"`{found['const']}`"
    if "enum" in found:
        return ", ".join(f"`{value}`" for value in found["enum"][:12]) + (", …" if len(found["enum"]) > 12 else "")
    kind = str(found.get("format") or found.get("type") or "anything")
    if kind == "array":
        return f"list of {_type(found.get('items', {}), schemas)}"
    limits = [f"{sign} {found[name]}" for name, sign in (("minimum", "≥"), ("maximum", "≤")) if name in found]
    limits += [f"≤ {found['maxLength']} characters"] if "maxLength" in found else []
    return kind + (f", {', '.join(limits)}" if limits else "")


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    written = dict(files())
    for stale in {path.name for path in folder.iterdir()} - set(written):
        (folder / stale).unlink()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
