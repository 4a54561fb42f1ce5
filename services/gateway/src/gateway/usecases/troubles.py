"""What goes wrong in a round over all tenants: one tenant's trouble keeps nobody else waiting."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from chassis.telemetry import get_logger

__all__ = ["Troubles"]

_log = get_logger(__name__)
_MOST = 10
"""So many in one round, and it is over: something is away for all."""


class Troubles:
    """Those of one round."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._errors: list[Exception] = []

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self._errors)

    @contextmanager
    def of(self, tenant_id: UUID) -> Iterator[None]:
        """Note what goes wrong in the block; raise it only if too much did."""
        try:
            yield
        except Exception as error:
            self._errors.append(error)
            if len(self._errors) >= _MOST:
                raise
            _log.warning("a tenant waits", doing=self._doing, tenant=str(tenant_id), error=repr(error))

    def tell(self) -> None:
        """Raise the first there was."""
        if self._errors:
            raise self._errors[0]
