"""Pages and their cursors."""

from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from gateway.api.pages import PageAsked, page_of
from gateway.domain.refusals import InvalidRequest


class Thing(BaseModel):
    id: UUID


def test_a_cursor_leads_to_the_things_after_the_last_one_seen() -> None:
    things = [Thing(id=uuid4()) for _ in range(3)]

    page = page_of(things, PageAsked(limit=2), lambda thing: thing)

    assert list(page.items) == things[:2]
    assert PageAsked(limit=2, cursor=page.next_cursor).before == things[1].id


def test_the_last_page_has_no_cursor() -> None:
    things = [Thing(id=uuid4()) for _ in range(2)]

    assert page_of(things, PageAsked(limit=2), lambda thing: thing).next_cursor is None


@given(st.text(max_size=64))
def test_any_other_cursor_is_refused_and_breaks_nothing(cursor: str) -> None:
    with suppress(InvalidRequest):
        assert isinstance(PageAsked(cursor=cursor).before, UUID)


def test_a_cursor_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        PageAsked(cursor="AAAA")
