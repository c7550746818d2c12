"""Asking the list of cases, in both encodings that Talkdesk's own sources show, and reading its pages.

Sources: Talkdesk reference, "Get case list" (lists and custom fields as JSON arrays in one value:
:attr:`Encoding.DOC`) and the OpenAPI bundle (repeated keys, custom fields keyed by field: :attr:`Encoding.SPEC`). Which
of them really filters is not documented, so it is found out by a probe, and every answer is filtered again on our side.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import orjson

from importer.talkdesk.answers import Answer

PER_PAGE = 100
_TEXT_FILTER_LIMIT = 255  # characters, OpenAPI: title and requester_email


class Encoding(StrEnum):
    """How filters are written into the query."""

    DOC = "doc"
    SPEC = "spec"


class Page(NamedTuple):
    """One page of a list.

    Attributes:
        cases: The cases as the server gave them.
        has_next: Whether the page names a following one.
        total: How many cases the whole list has; None if it does not say.
    """

    cases: list[dict[str, Any]]
    has_next: bool
    total: int | None


class UnreadableListError(Exception):
    """The answer is not a list of cases; it proves nothing about any case."""


def by_stamp(field: str, value: str, *, encoding: Encoding) -> list[tuple[str, str]]:
    """Filter: the custom field holds exactly this text."""
    wanted: Any = {"label": field, "value": value} if encoding is Encoding.DOC else {field: {"value": value}}
    return [("custom_fields", orjson.dumps([wanted]).decode())]


def by_content(
    *, email: str | None, title: str, since: float, until: float, encoding: Encoding
) -> list[tuple[str, str]]:
    """Filter: requester, title and creation time (seconds since 1970) fit."""
    parameters = [("title", title)] if len(title) <= _TEXT_FILTER_LIMIT else []
    if email:
        parameters.append(("requester_email", email))
    return [*parameters, *_times("create_at", since, until, encoding)]


def _times(name: str, since: float, until: float, encoding: Encoding) -> Iterable[tuple[str, str]]:
    moments = [datetime.fromtimestamp(seconds, UTC) for seconds in (since, until)]
    if encoding is Encoding.DOC:
        texts = [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in moments]
        return [(name, orjson.dumps(texts).decode())]
    return [(name, moment.strftime("%Y-%m-%d %H:%M:%S.000")) for moment in moments]


def query(parameters: Iterable[tuple[str, str]], *, page: int) -> str:
    """A percent-encoded query string for one page."""
    return urlencode([*parameters, ("page", str(page)), ("per_page", str(PER_PAGE))], quote_via=quote)


def read_page(answer: Answer) -> Page:
    """The cases of one page.

    Raises:
        UnreadableListError: the status is not 200, or the body is not a list of cases.
    """
    content = answer.json() if answer.status == 200 else None
    embedded = content.get("_embedded") if isinstance(content, dict) else None
    cases = embedded.get("data") if isinstance(embedded, dict) else None
    if (
        not isinstance(content, dict)
        or not isinstance(cases, list)
        or not all(isinstance(case, dict) for case in cases)
    ):
        raise UnreadableListError(f"HTTP {answer.status}")
    total = content.get("total")
    is_number = isinstance(total, int) and not isinstance(total, bool)
    return Page(cases, _has_next(content), total if is_number else None)


def is_complete(page: Page, *, received: int) -> bool:
    """Whether a list ends with ``page``, after ``received`` cases in all.

    Paging ends where ``_links.next`` is missing (Talkdesk documentation, "Paging results"), but the OpenAPI bundle
    requires that link always, and a server may give fewer cases a page than were asked for. So the number of cases
    decides where it is known.
    """
    if not page.cases:
        return True
    return received >= page.total if page.total is not None else not page.has_next


def _has_next(content: dict[str, Any]) -> bool:
    links = content.get("_links")
    following = links.get("next") if isinstance(links, dict) else None
    return bool(following.get("href") if isinstance(following, dict) else following)
