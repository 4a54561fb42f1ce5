"""Work done ahead of whoever asks for it, in a thread of its own, and never more than a few items of it."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

__all__ = ["QUEUED", "Ahead"]

QUEUED = 4
"""Items that may wait to be asked for."""
T = TypeVar("T")


class Ahead(Generic[T]):
    """An iterator that runs in a thread of its own, a few items ahead of whoever asks.

    What it raises comes out at the asker's side. The thread is a daemon: the process may end without it.
    """

    def __init__(self, produce: Callable[[], Iterator[T]]) -> None:
        self._items: queue.Queue[T | _End] = queue.Queue(QUEUED)
        threading.Thread(target=self._run, args=(produce,), daemon=True).start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        item = self._items.get()
        if isinstance(item, _End):
            self._items.put(item)
            raise item.error or StopIteration
        return item

    def _run(self, produce: Callable[[], Iterator[T]]) -> None:
        try:
            for item in produce():
                self._items.put(item)
            self._items.put(_End(None))
        except BaseException as error:  # noqa: BLE001 (it is raised again on the other side of the queue)
            self._items.put(_End(error))


class _End:
    """What is said last: that it is done, or what went wrong."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
