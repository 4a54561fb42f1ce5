"""What the gateway counts beyond what every service counts."""

from prometheus_client import Counter

__all__ = ["REFUSALS"]

REFUSALS = Counter(
    "gateway_refusals_total", "Requests that were refused, by the slug of their problem type.", ["problem"]
)
