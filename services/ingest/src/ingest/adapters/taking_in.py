"""The door between the service, which stays light, and the child process, which loads the decoders."""

from contracts.documents import Media
from ingest.ports import Order

__all__ = ["take_in"]


def take_in(order: Order) -> Media:
    """The port ``Examine``. Runs in a child process of its own and nowhere else: it binds that process for good."""
    from ingest.adapters import intake

    return intake.take_in(order)
