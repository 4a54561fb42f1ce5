"""Can yesterday's service read today's facts, and today's yesterday's?"""

import json
from pathlib import Path
from typing import Any
from uuid import RFC_4122, uuid4

import pytest
from pydantic import ValidationError

import contracts
from contracts import Event, Fact, uuid7
from contracts.documents import DOCUMENTS
from contracts.gateway import JobRequested
from contracts.generate import files
from contracts.registry import FACTS, HEARD_BY, SERVICES
from contracts.steps import Step

SAMPLES = Path(contracts.__file__).parent / "samples"
DOCS = Path(__file__).resolve().parents[2] / "docs"


def as_far_as(sample: Any, written: Any) -> Any:
    """What is written of the fields a sample has: a field may be added, at any depth."""
    if isinstance(sample, dict):
        return {key: as_far_as(value, written[key]) for key, value in sample.items()}
    if isinstance(sample, list) and len(sample) == len(written):
        return [as_far_as(*pair) for pair in zip(sample, written, strict=True)]
    return written


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_sample_ever_kept_still_loads_and_says_the_same(path: Path) -> None:
    fact = FACTS[path.stem]
    sample = json.loads(path.read_text())

    event = Event[fact].model_validate(sample)  # type: ignore[valid-type]

    written = event.model_dump(mode="json")
    assert as_far_as(sample["data"], written["data"]) == sample["data"]
    assert {key: written[key] for key in sample if key != "data"} == {k: v for k, v in sample.items() if k != "data"}


@pytest.mark.parametrize("stream", FACTS)
def test_every_fact_has_a_golden_sample(stream: str) -> None:
    assert (SAMPLES / f"{stream}.json").is_file()


@pytest.mark.parametrize("stream", FACTS)
def test_a_fact_from_a_newer_service_is_read_without_what_we_do_not_know(stream: str) -> None:
    sample = json.loads((SAMPLES / f"{stream}.json").read_text())
    newer = {**sample, "fromthefuture": 1, "data": {**sample["data"], "from_the_future": {"a": 1}}}

    fact = FACTS[stream]
    event = Event[fact].model_validate(newer)  # type: ignore[valid-type]

    assert "from_the_future" not in event.model_dump()["data"]


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.__name__)
def test_a_fact_cannot_be_changed_after_it_was_said(fact: type[Fact]) -> None:
    assert fact.model_config["frozen"]
    assert fact.model_config["extra"] == "ignore"


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.__name__)
def test_class_and_stream_say_the_same_and_end_in_a_version(fact: type[Fact]) -> None:
    *words, version = fact.stream.split(".")

    assert "".join(word.capitalize() for word in words) == fact.__name__
    assert version.startswith("v")
    assert version[1:].isdigit()


def test_every_fact_is_heard_by_a_service_that_exists() -> None:
    assert set(HEARD_BY) == set(FACTS)
    assert all(HEARD_BY.values())
    assert {service for services in HEARD_BY.values() for service in services} <= set(SERVICES)


@pytest.mark.parametrize(("path", "text"), sorted(files()), ids=lambda value: value if value.endswith(".json") else "")
def test_generated_documents_are_those_checked_in(path: str, text: str) -> None:
    assert (DOCS / path).read_text(encoding="utf-8") == text, "run `make docs` and commit what it wrote"


def test_no_schema_is_left_from_a_fact_that_is_gone() -> None:
    generated = {path for path, _ in files()}

    kept = {str(path.relative_to(DOCS)) for path in [*DOCS.glob("schemas/**/*.json"), DOCS / "asyncapi.json"]}

    assert kept == generated


def test_every_document_of_a_job_has_a_schema() -> None:
    assert {name.removesuffix(".json") for name in DOCUMENTS} == {
        path.name.removesuffix(".schema.json") for path in (DOCS / "schemas").glob("*.schema.json")
    }


def test_ids_sort_by_the_time_they_were_made() -> None:
    ids = [uuid7() for _ in range(5000)]

    assert {(identifier.version, identifier.variant) for identifier in ids} == {(7, RFC_4122)}
    assert ids == sorted(ids)
    assert len({i.int >> 80 for i in ids}) < len(ids) == len(set(ids))  # some are of one millisecond


def test_an_envelope_of_another_version_or_content_type_is_refused() -> None:
    event = Event.of(
        JobRequested(video_id=uuid4(), steps=(Step.SCENES,)), source="gateway", subject="x", tenant_id=uuid4()
    ).model_dump(mode="json")

    for broken in ({**event, "specversion": "0.3"}, {**event, "datacontenttype": "text/xml"}):
        with pytest.raises(ValidationError):
            Event[JobRequested].model_validate(broken)
