"""Asking the list of cases, in both encodings that Talkdesk's own sources show, and reading its pages.

Sources: Talkdesk reference, "Get case list" (lists and custom fields as JSON arrays in one value:
:attr:`Encoding.DOC`) and the OpenAPI bundle (repeated keys, custom fields keyed by field: :attr:`Encoding.SPEC`). Which
of them really filters is not documented, so it is found out by a probe, and every answer is filtered again on our side.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from pydantic import AliasChoices, AliasPath, BaseModel, Field, StrictInt, ValidationError

from importer.talkdesk.shown import Case, OrAbsent
from importer.talkdesk.transport import Answer

PER_PAGE = 100
#: The most that the API gives at once. Source: OpenAPI, "Get case list".
MOST_PER_PAGE = 500

#: Parameters of a query, as they are written before they are percent-encoded.
Parameters = list[tuple[str, str]]

#: Order: the newest case first.
NEWEST_FIRST: Parameters = [("order_by", "create_at"), ("sort", "DESC")]


class Encoding(StrEnum):
    """How filters are written into the query."""

    DOC = "doc"
    SPEC = "spec"


class UnreadableListError(Exception):
    """The answer is not the list that was asked for; it proves nothing about what is in the account."""


class Page(BaseModel):
    """One page of a list of cases."""

    cases: list[Case] = Field(validation_alias=AliasPath("_embedded", "data"))
    #: The link to the next page; None, or something empty, if there is none.
    following: Any = Field(
        None, validation_alias=AliasChoices(AliasPath("_links", "next", "href"), AliasPath("_links", "next"))
    )
    total: OrAbsent[StrictInt] = None  #: How many cases the whole list has; None if it does not say.

    def completes(self, received: int, *, per_page: int = PER_PAGE) -> bool:
        """Whether the list ends with this page, one of ``per_page`` cases, after ``received`` cases in all.

        Paging ends where ``_links.next`` is missing (Talkdesk documentation, "Paging results"), but the OpenAPI bundle
        requires that link always, so an empty page ends it too. ``total`` may only say that there is more: it is not
        believed over a link or a full page.
        """
        if not self.cases:
            return True
        return not self.following and len(self.cases) < per_page and received >= (self.total or 0)


def by_external_id(field: str, value: str, *, encoding: Encoding) -> Parameters:
    """Filter: the custom field holds exactly this text."""
    wanted: Any = {"label": field, "value": value} if encoding is Encoding.DOC else {field: {"value": value}}
    return [("custom_fields", orjson.dumps([wanted]).decode())]


def by_ids(case_ids: Iterable[str], *, encoding: Encoding) -> Parameters:
    """Filter: one of these cases."""
    if encoding is Encoding.DOC:
        return [("ids", orjson.dumps(list(case_ids)).decode())]
    return [("ids", case_id) for case_id in case_ids]


def query(parameters: Iterable[tuple[str, str]], *, page: int, per_page: int = PER_PAGE) -> str:
    """A percent-encoded query string for one page."""
    return urlencode([*parameters, ("page", str(page)), ("per_page", str(per_page))], quote_via=quote)


def read_page(answer: Answer) -> Page:
    """The cases of one page.

    Raises:
        UnreadableListError: the status is not 200, or the body is not a list of cases.
    """
    if answer.status == 200:
        try:
            return Page.model_validate_json(answer.body)
        except ValidationError:
            pass
    raise UnreadableListError(f"HTTP {answer.status}")
