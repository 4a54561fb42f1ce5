"""Stages of work overlap, hold only a few items, and say what went wrong to whoever asks."""

import threading
from collections.abc import Iterator

import pytest

from upscale.adapters.ahead import QUEUED, Ahead

PATIENCE_S = 20


def test_the_next_item_is_made_while_the_last_one_is_looked_at() -> None:
    second = threading.Event()

    def produce() -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    items = Ahead(produce)
    first = next(items)

    assert first == 1
    assert second.wait(PATIENCE_S), "nobody asked for it yet"
    assert list(items) == [2]


def test_only_a_few_items_wait() -> None:
    made = []
    full = threading.Event()

    def produce() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if len(made) == QUEUED + 1:
                full.set()
            yield number

    items = Ahead(produce)

    assert full.wait(PATIENCE_S)
    assert next(items) == 0
    assert len(made) <= QUEUED + 2
    assert list(items) == list(range(1, 100))


def test_what_goes_wrong_comes_after_what_was_made_and_again_when_asked_again() -> None:
    def produce() -> Iterator[int]:
        yield 1
        raise ValueError("the film tore")

    items = Ahead(produce)

    assert next(items) == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="tore"):
            next(items)


def test_an_end_stays_an_end() -> None:
    items = Ahead(lambda: iter([1]))

    assert list(items) == [1]
    assert list(items) == []
