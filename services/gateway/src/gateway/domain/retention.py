"""How long a tenant keeps what: in days, or for ever."""

from dataclasses import dataclass

__all__ = ["KINDS", "Retention"]

KINDS = ("videos", "scripts", "audit", "webhook_deliveries", "exports")


@dataclass(frozen=True, slots=True)
class Retention:
    """Days since something was made; None is for ever."""

    videos: int | None = None
    """With everything made of them: jobs, results, renditions."""
    scripts: int | None = None
    """With everything aligned with them."""
    audit: int | None = None
    webhook_deliveries: int | None = 30
    """The operator may keep them for less."""
    exports: int | None = 7
