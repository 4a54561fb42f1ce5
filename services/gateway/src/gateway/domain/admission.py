"""How much may be asked for at once."""

from dataclasses import dataclass

from gateway.domain.refusals import Busy, QuotaExceeded

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Jobs that may be unfinished at once: of one tenant, and of all together."""

    tenant_jobs: int | None
    """None: no bound."""
    total_jobs: int
    retry_after_s: int
    """How long somebody who was refused should wait before they ask again."""

    def admit(self, *, mine: int, all_: int) -> None:
        """Raise QuotaExceeded or Busy if there is no place for one more job."""
        if self.tenant_jobs is not None and mine >= self.tenant_jobs:
            detail = f"{mine} of your jobs are unfinished and {self.tenant_jobs} may be: ask again when one has ended"
            raise QuotaExceeded(detail, retry_after_s=self.retry_after_s)
        if all_ >= self.total_jobs:
            raise Busy(
                "this installation has as many jobs as it takes: ask again later", retry_after_s=self.retry_after_s
            )
