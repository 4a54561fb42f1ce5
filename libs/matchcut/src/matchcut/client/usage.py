"""What was used, what it costs, how much there may be: ``matchcut.usage``. Money is decimal."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Budget", "Estimate", "Measures", "Quota", "Standing", "StepEstimate", "Usage", "UsageLine", "UsageReport"]

M = TypeVar("M", bound=BaseModel)


class _Resource(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Money(_Resource):
    """An amount."""

    amount: Decimal
    currency: str


class UsageLine(_Resource):
    """What was used of one kind; on one day or by one job, if that was asked for."""

    kind: str
    quantity: Decimal
    amount: Decimal | None = None
    currency: str | None = None
    day: date | None = None
    job_id: UUID | None = None


class UsageReport(_Resource):
    """What was used from one day to another, both included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    by: str
    items: tuple[UsageLine, ...]
    totals: tuple[Money, ...]


class Budget(_Resource):
    """What is to be spent in a month. ``etag`` says which version this is."""

    amount: Decimal
    currency: str
    hard: bool
    etag: str | None = None


class Quota(_Resource):
    """How much there is, and how much there may be; None where there is no bound."""

    used: Decimal
    limit: Decimal | None = None


class Standing(_Resource):
    """Where we stand now."""

    month: str
    jobs: Quota
    storage_bytes: Quota
    video_minutes: Quota
    spent: Decimal | None = None
    currency: str | None = None
    budget: Budget | None = None


class Measures(_Resource):
    """A video that the gateway does not have yet."""

    duration: float
    width: int
    height: int
    frame_rate: float


class PoolEstimate(_Resource):
    """What upscaling would take on machines of one kind; ``hours`` are theirs, added up."""

    pool: Literal["gpu", "colab", "local"]
    hours: Decimal
    amount: Decimal | None = None
    basis: Literal["tenant", "installation", "default"]
    samples: int = 0


class StepEstimate(_Resource):
    """What one step will take. ``basis`` says how that is known."""

    step: str
    units: dict[str, Decimal]
    amount: Decimal | None = None
    seconds: float
    basis: Literal["tenant", "installation", "default"]
    samples: int = 0
    pools: tuple[PoolEstimate, ...] = ()
    """Upscaling: by kind of machine, those that were measured."""


class Estimate(_Resource):
    """What a job will take and cost."""

    steps: tuple[StepEstimate, ...]
    seconds: float
    amount: Decimal | None = None
    currency: str | None = None


class Transport(Protocol):
    """How requests are made: with a token, and patience."""

    def get(self, kind: type[M], path: str, **query: Any) -> M:
        """One resource."""

    def post(self, kind: type[M], path: str, body: Mapping[str, Any]) -> M:
        """What came of a POST that may be repeated."""

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any other request."""


class Usage:
    """What one may ask and set about usage."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def report(
        self, first: date | None = None, last: date | None = None, *, by: Literal["kind", "day", "job"] = "kind"
    ) -> UsageReport:
        """What was used; this month (UTC), if no days are given."""
        return self._transport.get(UsageReport, "/v1/usage", **_query(first, last, by))

    def csv(
        self, first: date | None = None, last: date | None = None, *, by: Literal["kind", "day", "job"] = "kind"
    ) -> str:
        """The same as a table with a heading."""
        return self._transport.send("GET", "/v1/usage", params={**_query(first, last, by), "format": "csv"}).text

    def standing(self) -> Standing:
        """Quotas, and the month's money."""
        return self._transport.get(Standing, "/v1/usage/standing")

    def budget(self) -> Budget:
        """Our budget. Raises NotFound."""
        return _budget(self._transport.send("GET", "/v1/budget"))

    def set_budget(self, amount: Decimal, *, hard: bool = False, etag: str | None = None) -> Budget:
        """Set or change it; with the ``etag`` that was read, only if nobody else has changed it: raises Changed."""
        body = {"amount": str(amount), "hard": hard}
        return _budget(self._transport.send("PUT", "/v1/budget", json=body, headers=_match(etag)))

    def drop_budget(self, *, etag: str | None = None) -> None:
        """Have none."""
        self._transport.send("DELETE", "/v1/budget", headers=_match(etag))

    def estimate(
        self,
        *,
        steps: Sequence[str],
        video_id: UUID | None = None,
        media: Measures | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Estimate:
        """What a job would take and cost: of a video that is there, or of one with these measures."""
        body: dict[str, Any] = {"steps": list(steps)}
        if video_id is not None:
            body["video_id"] = str(video_id)
        if media is not None:
            body["media"] = media.model_dump()
        if options:
            body["options"] = dict(options)
        return self._transport.post(Estimate, "/v1/jobs/estimate", body)


def _query(first: date | None, last: date | None, by: str) -> dict[str, str]:
    days = {"from": first, "to": last}
    return {"by": by} | {name: day.isoformat() for name, day in days.items() if day is not None}


def _match(etag: str | None) -> dict[str, str]:
    return {} if etag is None else {"If-Match": etag}


def _budget(response: httpx.Response) -> Budget:
    return Budget.model_validate_json(response.content).model_copy(update={"etag": response.headers.get("etag")})
