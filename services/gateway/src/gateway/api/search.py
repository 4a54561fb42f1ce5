"""``/v1/search``: what was said and written, found by its words."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from gateway.api.context import Given, needs
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.api.search_schemas import Searched, SearchPage, search_page
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import InvalidRequest

__all__ = ["router"]

router = APIRouter(tags=["search"])


@router.get("/v1/search", response_model=SearchPage, responses=responses(InvalidRequest))
async def search_passages(
    request: Request, given: Given, asked: Searched, caller: Annotated[Caller, needs(Right.SEARCH_READ)]
) -> Response:
    """Find passages of transcripts and scripts.

    Words are found in all their forms (`run` finds `running`) by the rules of each document's language, without regard
    to case and accents. A word that hardly occurs is also looked for in near spellings, which are then listed in
    `corrections`; what stands in quotation marks is not. A document can be found some seconds after its job's step is
    done, and not any more once it is erased.
    """
    found = await given.search(caller, asked.q, scope=asked.scope, window=asked.window, limit=asked.limit)
    return json_response(request, search_page(found))
