"""The door between the service, which stays light, and the child process, which loads the decoders."""

import os

from contracts.documents import Media
from ingest.ports import Order

__all__ = ["take_in"]


def take_in(order: Order) -> Media:
    """The port ``Examine``. Runs in a child process of its own and nowhere else: it binds that process for good."""
    # numpy's linear algebra, of which nothing is used here, reserves memory for every core of the machine otherwise.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from ingest.adapters import intake

    return intake.take_in(order)
