"""What the OpenAPI document says of reading again: every answer to a GET has an ETag, and 304 spares who has it.

It is said in one place of all of them, so that no new route is forgotten; a test asks each for its ETag and then
whether it is still the same. Streams of events are no answers that one could have already, and the receipt of a tenant
that is no more is nothing to keep on the way.
"""

from typing import Any

__all__ = ["describe_revalidation"]

_NEVER_KEPT = {"text/event-stream", "application/jwt"}
_TEXT = {"type": "string"}
_ETAG = {"ETag": {"description": "Which state this is: for `If-None-Match` and `If-Match`.", "schema": _TEXT}}
_PARTS = {
    "Accept-Ranges": {"description": "`bytes`: ask for a part with `Range`.", "schema": _TEXT},
    "Content-Disposition": {"description": "The name of the file (RFC 6266).", "schema": _TEXT},
    "Last-Modified": {"description": "When it was written.", "schema": _TEXT},
}
_CONTENT_RANGE = {"Content-Range": {"description": "Which bytes these are, and of how many.", "schema": _TEXT}}
_SAME = {"description": "You have it already (`If-None-Match`)", "headers": _ETAG}
_IF_NONE_MATCH = "The ETag of what you have, or several: if it is still that, the answer is 304 without a body."
_RANGE = "Which bytes you want, as `bytes=0-1023`; of several ranges none is heeded."
_IF_RANGE = "The ETag of what you have a part of: if it is another by now, you get the whole."


def describe_revalidation(method: str, operation: dict[str, Any]) -> None:
    """Say of an operation which headers its answers have, and by what headers it is asked for less."""
    responses = operation["responses"]
    if method == "GET" and _is_a_document(responses.get("200", {})):
        _answers_with(responses["200"], _ETAG)
        responses["304"] = _SAME
        _takes(operation, "If-None-Match", _IF_NONE_MATCH)
    if method in ("PATCH", "PUT") and _edits(operation):
        _answers_with(responses["200"], _ETAG)
    if "206" in responses:
        _answers_with(responses["200"], _PARTS)
        _answers_with(responses["206"], _ETAG | _PARTS | _CONTENT_RANGE)
        _answers_with(responses["416"], _CONTENT_RANGE)
        _takes(operation, "Range", _RANGE)
        _takes(operation, "If-Range", _IF_RANGE)


def _is_a_document(answer: dict[str, Any]) -> bool:
    return bool(answer) and not _NEVER_KEPT & set(answer.get("content", {}))


def _edits(operation: dict[str, Any]) -> bool:
    return any(one["name"] == "If-Match" for one in operation.get("parameters", ()))


def _answers_with(answer: dict[str, Any], headers: dict[str, Any]) -> None:
    answer["headers"] = answer.get("headers", {}) | headers


def _takes(operation: dict[str, Any], name: str, about: str) -> None:
    header = {"name": name, "in": "header", "required": False, "description": about, "schema": _TEXT}
    operation["parameters"] = [*operation.get("parameters", ()), header]
