"""What the operator's own machines cost."""

from dataclasses import dataclass

__all__ = ["Price"]


@dataclass(frozen=True)
class Price:
    """Of an hour of one worker."""

    hour: float
    currency: str

    def of(self, seconds: float) -> float:
        """What so many seconds cost, to a millionth."""
        return round(self.hour * seconds / 3600, 6)
