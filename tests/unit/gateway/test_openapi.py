"""What a stranger reads of each operation. A new route without any of it fails here, and is named."""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gateway.api.app import OPEN_TO_ALL, declared_rights, describe, routes
from gateway.api.examples import NoExample, example_of
from gateway.api.openapi import operations
from gateway.api.problems import described

DOCUMENT = describe()
OPERATIONS = {f"{method} {path}": operation for method, path, operation in operations(DOCUMENT)}
PROBLEM = "application/problem+json"
FORMATS = Draft202012Validator.FORMAT_CHECKER

each_operation = pytest.mark.parametrize("name", OPERATIONS)


def contents(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a body may be, by media type; bytes that no schema describes are left out."""
    kept = {media_type: content for media_type, content in body.get("content", {}).items() if content.get("schema")}
    return {media_type: content for media_type, content in kept.items() if media_type != "application/octet-stream"}


def examples(content: dict[str, Any]) -> list[Any]:
    """Every example of a body."""
    kept = DOCUMENT["components"]["examples"]
    named = [
        kept[example["$ref"].rpartition("/")[2]] if "$ref" in example else example
        for example in content.get("examples", {}).values()
    ]
    return [example["value"] for example in named] or ([content["example"]] if "example" in content else [])


def must_fit(example: Any, schema: dict[str, Any]) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    wrong = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(whole, format_checker=FORMATS).iter_errors(example)
    ]
    assert not wrong, f"the example {example} does not fit its schema"


def what_says_nothing(content: dict[str, Any]) -> str:
    """The place in a schema from which no example can be made, for whoever added it."""
    try:
        example_of(content["schema"], DOCUMENT["components"]["schemas"], "it")
    except NoExample as nothing:
        return f"{nothing} has no example, default or format"
    return "it has none"


def test_every_route_is_in_the_document_unless_it_is_left_out_on_purpose() -> None:
    routed = {
        f"{method} {route.path_format}"
        for route in routes()
        if route.include_in_schema
        for method in route.methods or ()
    }

    assert set(OPERATIONS) == routed


@each_operation
def test_an_operation_says_what_it_is(name: str) -> None:
    operation = OPERATIONS[name]

    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"]), "a verb and what it is about"
    assert operation["summary"][0].isupper()
    assert len(operation["summary"]) <= 60
    assert operation["description"].endswith((".", "`")), "a docstring in sentences"
    assert operation["tags"], "give its router a tag"
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}, "say in api/openapi.py what the tag is"


def test_no_two_operations_have_one_id() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(ids) == len(set(ids))


@each_operation
def test_a_request_has_an_example_that_its_schema_accepts(name: str) -> None:
    for media_type, content in contents(OPERATIONS[name].get("requestBody", {})).items():
        assert examples(content), f"{media_type}: {what_says_nothing(content)}"
        for example in examples(content):
            must_fit(example, content["schema"])


@each_operation
def test_an_answer_has_an_example_that_its_schema_accepts(name: str) -> None:
    succeeded = {status: answer for status, answer in OPERATIONS[name]["responses"].items() if int(status) < 400}

    assert succeeded
    for status, answer in succeeded.items():
        assert answer["description"]
        for content in contents(answer).values():
            assert examples(content), f"{status}: {what_says_nothing(content)}"
            for example in examples(content):
                must_fit(example, content["schema"])


@each_operation
def test_a_refusal_has_an_example_of_each_problem_it_can_be(name: str) -> None:
    refused = {status: answer for status, answer in OPERATIONS[name]["responses"].items() if int(status) >= 400}

    assert {"413", "429", "503"} <= set(refused)
    for status, answer in refused.items():
        (content,) = answer["content"].values()
        assert examples(content), f"{status}: name its problem in the description, as (`/problems/…`)"
        for example in examples(content):
            must_fit(example, content["schema"])
            assert str(example["status"]) == status
            assert described(example["type"].removeprefix("/problems/"))
        assert ("Retry-After" in answer.get("headers", {})) == (status in ("429", "503"))


@each_operation
def test_an_operation_says_which_right_it_takes(name: str) -> None:
    method, _, path = name.partition(" ")
    (route,) = [route for route in routes() if route.path_format == path and method in (route.methods or ())]

    security = OPERATIONS[name].get("security", [])

    if (method, route.path) in OPEN_TO_ALL:
        assert security == []
    else:
        assert {"OAuth2": declared_rights(route)} in security
        assert {"401", "403"} <= set(OPERATIONS[name]["responses"])


def test_what_a_post_made_leads_to_where_it_can_be_used() -> None:
    for operation in ("POST /v1/videos", "POST /v1/jobs", "POST /v1/webhooks", "POST /v1/api-keys", "POST /v1/users"):
        answers = OPERATIONS[operation]["responses"].values()
        assert any("links" in answer for answer in answers), operation
    ids = {operation["operationId"]: operation for operation in OPERATIONS.values()}
    links = [
        link
        for each in ids.values()
        for answer in each["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    for link in links:
        known = {parameter["name"] for parameter in ids[link["operationId"]].get("parameters", ())}
        assert set(link.get("parameters", {})) <= known


def test_every_schema_is_a_schema() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema.get("description") or schema.get("enum") or name.startswith(("Body_", "Page_")), name


def test_each_example_of_a_schema_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        for example in schema.get("examples", ()):
            must_fit(example, schema)


def test_an_example_is_never_made_up() -> None:
    silent = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}

    with pytest.raises(NoExample, match=r"Thing\.name"):
        example_of({"$ref": "#/components/schemas/Thing"}, {"Thing": silent})
