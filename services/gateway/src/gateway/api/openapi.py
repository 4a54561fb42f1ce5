"""The OpenAPI document: what a stranger needs to know of every operation, the same for each of them.

A route brings its name, its docstring, its schemas and how it refuses (``problems.responses``). From these come the
operation's id and summary, the true media types, an example of every answer, and links from what a POST made to where
it can be used. A test goes through all operations and names what is missing.
"""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from typing_extensions import override

from gateway.api.examples import NoExample, example_of
from gateway.api.problems import MEDIA_TYPE, OAUTH_PATHS, Problem, described
from gateway.api.rates import RATE_FIELDS
from gateway.api.revalidation import describe_revalidation

__all__ = ["DescribedApp", "operation_id", "operations"]

Operation = dict[str, Any]
_TAGS = {
    "signing in": "Tokens for people, by OAuth2, and the keys that verify them.",
    "identity providers": "OpenID providers by which your people may sign in, and what they become here.",
    "me": "Who you are, your password, and where you are signed in.",
    "users": "The people of your tenant: invited, given a role, disabled, removed.",
    "api keys": "Keys for programs. They may do what their scopes say, and never more than who made them.",
    "tenants": "Your tenant.",
    "uploads": "Bytes on their way to become a video.",
    "videos": "Videos, taken in and measured.",
    "scripts": "Scripts: text, Markdown, Fountain, Final Draft, Word, subtitles, tables.",
    "jobs": "Work on a video: asked for, watched, called off, asked for once more.",
    "results": "What jobs left behind, by name.",
    "scenes": "The shots of a video, with key frames.",
    "transcripts": "What was said, word by word.",
    "alignments": "What became of each line of a script, as machines and people say it; exports.",
    "watermarks": "Marks and logos over the picture, where and when.",
    "renditions": "Upscaled videos, with the proof that nothing was lost.",
    "logos": "Pictures of your own that jobs look for.",
    "search": "What was said and written, found by its words.",
    "events": "What happens, told live, and what was missed.",
    "usage": "What you used and what it cost, what you may have, and what you want to spend.",
    "runners": "Machines that take chunks to upscale: invited, watched, kept out, let in again.",
    "webhooks": "Who is told of what, and what became of each message.",
    "erasures": "What was erased, what each service deleted, and the receipts that prove it.",
    "exports": "Everything your tenant has, in one file.",
    "retention": "How long your tenant keeps what.",
    "audit": "Who did what, when, from where, and what came of it.",
}
"""Every tag an operation may have, in the order of the reference, and what it is about."""
_SLUG = re.compile(r"`/problems/([a-z-]+)`")
_EVERYWHERE = {
    "413": "Too many bytes (`/problems/too-large`)",
    "503": "Try again in a few seconds (`/problems/unavailable`)",
}
_GUARDED = {
    "401": "Sign in first (`/problems/unauthenticated`)",
    "403": "Not allowed (`/problems/forbidden`)",
}
_WELL = {"200": "Here it is", "201": "Made", "202": "Accepted: it will be done", "204": "Done; there is no body"}
_INVALID = "The request is not acceptable (`/problems/invalid-request`)"
_TOO_FAST = "Too many requests (`/problems/rate-limited`)"
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait before you try again.", "schema": {"type": "integer", "minimum": 0}}
}
_GOOD_FOR: dict[str, tuple[str, dict[str, Any]]] = {
    "read_me": ("read_tenant", {"parameters": {"tenant_id": "$response.body#/tenant_id"}}),
    "receive_content": ("submit_video", {"requestBody": {"upload_id": "$response.body#/id"}}),
    "submit_video": ("request_job", {"requestBody": {"video_id": "$response.body#/id", "steps": ["scenes"]}}),
}
"""What the answer of one operation is good for in another, beside the ids of new things."""
_METHODS = ("get", "put", "post", "patch", "delete", "head", "options")


class DescribedApp(FastAPI):
    """A FastAPI application whose document is complete."""

    @override
    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if not self.openapi_schema:
            document = super().openapi()
            schemas = document["components"]["schemas"]
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= {**problem.pop("$defs", {}), "Problem": problem}
            used = {tag for _, _, operation in operations(document) for tag in operation.get("tags", ())}
            document["tags"] = [{"name": name, "description": about} for name, about in _TAGS.items() if name in used]
            for method, path, operation in operations(document):
                _name(operation)
                describe_revalidation(method, operation)
                _describe_problems(operation, oauth=path in OAUTH_PATHS)
                _show_examples(operation, schemas)
            document["components"]["examples"] = {slug: {"value": _example(slug)} for slug in _slugs(document)}
            _link(document)
            for told in document.get("webhooks", {}).values():
                told["post"]["responses"].pop("422", None)  # they answer us, and as they like
            for of_fastapi in ("HTTPValidationError", "ValidationError"):
                schemas.pop(of_fastapi, None)
        return self.openapi_schema or {}


def operation_id(route: APIRoute) -> str:
    """The name of the function: a verb and what it is about, the same in every generated client."""
    return route.name


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    """Every operation, with its method in capitals and its path."""
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def _name(operation: Operation) -> None:
    """A summary as people write it, unless the route brought its own."""
    words = str(operation["operationId"]).replace("_", " ")
    if operation.get("summary") in (None, words.title()):
        operation["summary"] = words.capitalize()


def _describe_problems(operation: Operation, *, oauth: bool) -> None:
    """Give every error response its true media type, and add those that any operation may answer with."""
    responses = operation.setdefault("responses", {})
    if oauth:
        responses.pop("422", None)
    else:
        kinds = str(responses.get("422", {}).get("description", "Validation Error"))  # FastAPI's word for it
        if "/problems/invalid-request" not in kinds:
            before = "" if kinds == "Validation Error" else f"{kinds}; "
            responses["422"] = {"description": f"{before}{_INVALID}"}
    before = responses.get("429", {}).get("description")
    responses["429"] = {**responses.get("429", {}), "description": f"{before}; {_TOO_FAST}" if before else _TOO_FAST}
    for status, description in (_EVERYWHERE | (_GUARDED if operation.get("security") else {})).items():
        responses.setdefault(status, {"description": description})
    for status, response in responses.items():
        if response["description"] == "Successful Response":  # FastAPI's words for all of them
            response["description"] = _WELL.get(status, "Done")
        if status == "429" or status.startswith("2"):
            response["headers"] = RATE_FIELDS | response.get("headers", {})
        if status.isdecimal() and int(status) >= 400:
            by_oauth = oauth and status in ("400", "429")
            response["content"] = _refusal(response) if by_oauth else _problem(response)
            if status in ("429", "503"):
                response["headers"] = _RETRY_AFTER | response.get("headers", {})
    operation["responses"] = dict(sorted(responses.items()))


def _problem(response: dict[str, Any]) -> dict[str, Any]:
    """A problem, with an example of each kind that the description names."""
    slugs = _SLUG.findall(response["description"])
    examples = {slug: {"$ref": f"#/components/examples/{slug}"} for slug in slugs}
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {MEDIA_TYPE: content | ({"examples": examples} if examples else {})}


def _slugs(document: dict[str, Any]) -> list[str]:
    """The kinds of problem that any operation names."""
    answers = (answer for _, _, operation in operations(document) for answer in operation["responses"].values())
    return sorted({slug for answer in answers for slug in _SLUG.findall(answer["description"])})


def _refusal(response: dict[str, Any]) -> dict[str, Any]:
    """What RFC 6749 wants an error to look like."""
    slugs = _SLUG.findall(response["description"]) or ["invalid-grant"]
    extra = {"error": "invalid_grant", "error_description": "the user name or the password is wrong"}
    examples = {slug: {"value": _example(slug) | extra} for slug in slugs}
    return {"application/json": {"schema": {"$ref": "#/components/schemas/OAuthError"}, "examples": examples}}


def _example(slug: str) -> dict[str, Any]:
    known = described(slug)
    assert known is not None, f"there is no problem {slug}"
    return {
        "type": known["type"],
        "title": known["title"],
        "status": known["status"],
        "detail": str(known["about"]).partition("\n\n")[0].replace("\n", " ") or known["title"],
        "instance": "/v1/…",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "errors": [],
    }


def _show_examples(operation: Operation, schemas: dict[str, Any]) -> None:
    """An example beside every body that is not mere bytes."""
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in (content for body in bodies for content in body.get("content", {}).items()):
        media_type, described_as = content
        schema = described_as.get("schema", {})
        if media_type == "application/octet-stream" or {"example", "examples"} & set(described_as) or not schema:
            continue
        try:
            described_as["example"] = example_of(schema, schemas, str(operation["operationId"]))
        except NoExample:
            continue  # the test says where; a service does not stop for it


def _link(document: dict[str, Any]) -> None:
    """Lead from what was made to all that can be done with it, by its id."""
    everything = list(operations(document))
    names = {operation["operationId"] for _, _, operation in everything}
    for method, path, operation in everything:
        links = {}
        parameter = _id_parameter(path, everything)
        for response in _made(operation):
            pointer = _id_pointer(response, document["components"]["schemas"]) if method == "POST" else None
            if parameter and pointer:
                links = dict(_links(everything, parameter, f"$response.body#{pointer}"))
            target, use = _GOOD_FOR.get(operation["operationId"], ("", {}))
            if target in names:
                links[target] = {"operationId": target, **use}
            if links:
                response["links"] = links


def _links(everything: list[tuple[str, str, Operation]], parameter: str, value: str) -> Iterator[tuple[str, Any]]:
    for _, path, operation in everything:
        if re.findall(r"{(\w+)}", path) == [parameter]:
            name = operation["operationId"]
            yield name, {"operationId": name, "parameters": {parameter: value}}


def _id_parameter(path: str, everything: list[tuple[str, str, Operation]]) -> str | None:
    """What the id of a thing of this collection is called in paths: ``/v1/videos`` has ``/v1/videos/{video_id}``."""
    for _, other, _ in everything:
        if found := re.fullmatch(re.escape(path) + r"/{(\w+)}.*", other):
            return found.group(1)
    return None


def _made(operation: Operation) -> Iterator[dict[str, Any]]:
    for status in ("200", "201", "202"):
        if status in operation["responses"]:
            yield operation["responses"][status]


def _id_pointer(response: dict[str, Any], schemas: dict[str, Any]) -> str | None:
    """Where in an answer the id of the new thing is: at the top, or in what the answer wraps."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    properties = _properties(schema, schemas)
    if "id" in properties:
        return "/id"
    for name, wrapped in properties.items():
        if "id" in _properties(wrapped, schemas):
            return f"/{name}/id"
    return None


def _properties(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    found = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    return dict(found.get("properties", {}))
