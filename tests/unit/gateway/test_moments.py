"""Times are RFC 3339: what a reader would have to guess at is refused."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.api.schemas import Moment

MOMENTS: TypeAdapter[datetime] = TypeAdapter(Moment)


@pytest.mark.parametrize("said", ["2026-11-22T16:30:00Z", "2026-11-22t17:30:00.000+01:00", "2026-11-22 16:30:00Z"])
def test_a_moment_with_its_zone_is_understood(said: str) -> None:
    assert MOMENTS.validate_python(said) == datetime(2026, 11, 22, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "said", [0, 0.5, "0.5", "1763829000", True, "2026-11-22", "2026-11-22T16:30:00", "2026-13-22T16:30:00Z", "", []]
)
def test_anything_else_is_not(said: object) -> None:
    with pytest.raises(ValidationError):
        MOMENTS.validate_python(said)
