"""Times are RFC 3339: what a reader would have to guess at is refused."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.api.schemas import Moment

MOMENTS: TypeAdapter[datetime] = TypeAdapter(Moment)


@pytest.mark.parametrize("said", ["2026-11-22T16:30:00Z", "2026-11-22t17:30:00.000+01:00", "2026-11-22 16:30:00Z"])
def test_a_moment_with_its_zone_is_understood(said: str) -> None:
    assert MOMENTS.validate_python(said) == datetime(2026, 11, 22, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize("said", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_no_calendar_of_ours_reaches_is_refused_and_breaks_nothing(said: str) -> None:
    with pytest.raises(ValidationError, match="so far away"):
        MOMENTS.validate_python(said)


@pytest.mark.parametrize(
    "said", [0, 0.5, "0.5", "1763829000", True, "2026-11-22", "2026-11-22T16:30:00", "2026-13-22T16:30:00Z", "", []]
)
def test_anything_else_is_not(said: object) -> None:
    with pytest.raises(ValidationError):
        MOMENTS.validate_python(said)
