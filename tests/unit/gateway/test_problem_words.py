"""What whoever sent nonsense is told: each field by its name, in words that help."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.problems import answer_with_problems


class Options(BaseModel):
    logos: Literal["all"] | tuple[UUID, ...] = "all"


class Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: Annotated[tuple[UUID, ...], Field(min_length=1)]
    options: Options | None = None


def told(body: Any, **sent: Any) -> dict[str, str]:
    app = FastAPI()
    answer_with_problems(app)

    @app.post("/")
    def take(wanted: Wanted) -> None: ...

    with TestClient(app) as client:
        answer = client.post("/", json=body, **sent)
    assert answer.status_code == 422
    return {error["field"]: error["detail"] for error in answer.json()["errors"]}


def test_a_field_that_there_is_not_is_called_so() -> None:
    assert told({"steps": [str(UUID(int=1))], "step": 1}) == {"step": "there is no such field"}


def test_what_a_field_may_hold_instead_is_no_part_of_its_name() -> None:
    assert set(told({"steps": [str(UUID(int=1))], "options": {"logos": ["x"]}})) == {
        "options.logos",
        "options.logos.0",
    }


def test_a_list_is_called_one_and_not_too_short_for_what_is_wrong_with_its_items() -> None:
    assert told({"steps": []}) == {"steps": "List should have at least 1 item after validation, not 0"}
    assert set(told({"steps": ["x"]})) == {"steps.0"}
