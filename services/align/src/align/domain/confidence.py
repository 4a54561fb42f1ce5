"""How sure the ledger is of a line's status, as the share of such lines that are right."""

from collections.abc import Sequence

from align.domain.matching import Matching
from contracts.documents import LineStatus, Take

__all__ = ["line_confidence"]


def line_confidence(at: int, status: LineStatus, takes: Sequence[Take], matching: Matching) -> float:
    """Probability that the status of line ``at`` is right."""
    size = matching.lines[at].required
    if status is LineStatus.OMITTED:
        return 0.9
    best = max(take.score_text for take in takes)
    return round(min(0.99, 0.5 + 0.5 * best) if size > 3 else 0.8 * best, 3)
