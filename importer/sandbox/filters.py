"""The filters of GET /cm/core/va/cases: a query string becomes a :class:`Search`.

Two encodings are in circulation. The reference page shows lists as JSON arrays in one value, words in any case and
custom fields as ``[{"label": key, "value": …}]`` (here "doc"); the OpenAPI bundle says repeated keys, upper-case words
and ``{key: {"value": …}}``, in its example inside an array (here "spec"). Which of them the service reads is confirmed
nowhere, so a sandbox can be told to read only one: filters in the other encoding are then silently ignored, which is
the nastier of the two possible behaviours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

import orjson
from multidict import MultiMapping

from importer.sandbox.answers import Problem, Refusal
from importer.sandbox.bodies import PRIORITIES, STATUSES, TYPES
from importer.sandbox.fields import Definition
from importer.sandbox.people import User

Encoding = Literal["both", "doc", "spec", "ignore"]

MOST_PAGE = 2_147_483_647
MOST_PER_PAGE = 500
_LARGEST_INT = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?P<fraction>\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
# Query name → column and longest text, for the filters that compare one column with one text.
_TEXTS = {
    "agent_id": ("owner_id", 255),
    "requester_id": ("requester_id", 255),
    "requester_name": ("requester_name", 125),
    "requester_email": ("requester_email", 255),
    "title": ("title", 255),
    "description": ("description", 1_000_000_000),
}
_WORDS = {"status": STATUSES, "priority": PRIORITIES, "type": TYPES}


class Span(NamedTuple):
    """A closed span of time, in milliseconds since the epoch."""

    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which cases are asked for, and which page of them.

    Attributes:
        texts: Column → the text it must hold.
        words: Column → the upper-case words of which it must hold one.
        owners: User ids of which the owner must be one; None asks nothing.
        custom: Field key → value, as SQLite compares it.
        hopeless: A filter was given that nothing in this account can match (a phone number, an agent as requester).
    """

    page: int = 1
    per_page: int = 50
    ids: tuple[int, ...] | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    owners: frozenset[str] | None = None
    created: Span | None = None
    updated: Span | None = None
    custom: Mapping[str, str | int | float | None] = field(default_factory=dict)
    order_by: Literal["create_at", "update_at"] = "create_at"
    ascending: bool = False
    hopeless: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """What of the account the filters must know."""

    definitions: Mapping[str, Definition]
    users: Sequence[User]


def read_search(query: MultiMapping[str], *, encoding: Encoding, account: Account) -> Search:
    """The search behind a query string; parameters the API does not know are ignored.

    Raises:
        Refusal: 400, naming every filter that cannot be read.
    """
    reading = _Reading(query, encoding=encoding, account=account)
    search = reading.paging() if encoding == "ignore" else reading.everything()
    if reading.problems:
        raise Refusal(400, *reading.problems)
    return search


class _Reading:
    """One pass over a query string, collecting problems on the way."""

    def __init__(self, query: MultiMapping[str], *, encoding: Encoding, account: Account) -> None:
        self._query = query
        self._encoding = encoding
        self._account = account
        self.problems: list[Problem] = []

    def paging(self) -> Search:
        return Search(**self._page())

    def everything(self) -> Search:
        return Search(
            **self._page(),
            ids=self._ids(),
            texts={column: text for name, (column, limit) in _TEXTS.items() if (text := self._text(name, limit))},
            words={name: words for name, allowed in _WORDS.items() if (words := self._words(name, allowed))},
            owners=self._owners(),
            created=self._span("create_at"),
            updated=self._span("update_at"),
            custom=self._custom(),
            hopeless=self._hopeless(),
        )

    def _page(self) -> dict[str, Any]:
        return {
            "page": self._number("page", default=1, most=MOST_PAGE),
            "per_page": self._number("per_page", default=50, most=MOST_PER_PAGE),
            "order_by": self._word("order_by", ("create_at", "update_at"), default="create_at"),
            "ascending": self._word("sort", ("ASC", "DESC"), default="DESC") == "ASC",
        }

    def _refuse(self, name: str, why: str) -> None:
        self.problems.append(Problem(name, why))

    def _number(self, name: str, *, default: int, most: int) -> int:
        text = self._query.get(name, "")
        if not text:
            return default
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else 0
        if not 1 <= number <= most:
            self._refuse(name, f"must be a whole number from 1 to {most}")
            return default
        return number

    def _text(self, name: str, limit: int) -> str:
        text = self._query.get(name, "")
        if len(text) > limit:
            self._refuse(name, f"must be at most {limit} characters")
        return text

    def _word(self, name: str, allowed: tuple[str, ...], *, default: str) -> str:
        """One word; the reference page writes it in either case, the bundle only as it is declared."""
        text = self._query.get(name, "")
        if not text:
            return default
        found = text if self._encoding == "spec" else next((w for w in allowed if w.lower() == text.lower()), text)
        if found not in allowed:
            self._refuse(name, f"must be one of {', '.join(allowed)}")
        return found

    def _words(self, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        values = self._list(name) or []
        words = tuple(value if self._encoding == "spec" else _upper(value) for value in values)
        if any(word not in allowed for word in words):
            self._refuse(name, f"must be among {', '.join(allowed)}")
        return words

    def _list(self, name: str) -> list[str] | None:
        """The values of a list filter; None if it is absent, empty, or in an encoding this account ignores."""
        values = self._query.getall(name, [])
        if len(values) == 1 and values[0].lstrip().startswith("["):
            return self._array(name, values[0]) if self._encoding != "spec" else None
        if len(values) > 1 and self._encoding == "doc":
            return None
        return [value for value in values if value] or None

    def _array(self, name: str, text: str) -> list[str] | None:
        array = self._json(name, text)
        if not isinstance(array, list) or not all(isinstance(value, str | int) for value in array):
            self._refuse(name, "must be a JSON array of texts")
            return None
        return [str(value) for value in array] or None

    def _json(self, name: str, text: str) -> Any:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            self._refuse(name, "is not JSON")
            return None

    def _ids(self) -> tuple[int, ...] | None:
        values = self._list("ids")
        return None if values is None else case_ids(values)

    def _span(self, name: str) -> Span | None:
        values = self._list(name)
        if values is None:
            return None
        bounds = [_instant(value) for value in values]
        if len(bounds) != 2 or bounds[0] is None or bounds[1] is None:
            self._refuse(name, "must be two times, from and to")
            return None
        return Span(bounds[0].first_ms, bounds[1].last_ms)

    def _owners(self) -> frozenset[str] | None:
        name, email = self._text("agent_name", 125), self._text("agent_email", 255)
        if not name and not email:
            return None
        return frozenset(
            user.id
            for user in self._account.users
            if (not name or user.name == name) and (not email or user.email.lower() == email.lower())
        )

    def _hopeless(self) -> bool:
        kinds = ("AGENT", "CONTACT") if self._encoding == "spec" else ("AGENT", "CONTACT", "AGENTS", "CONTACTS")
        kind = self._word("requester_type", kinds, default="CONTACT")
        return kind.startswith("AGENT") or bool(self._text("requester_phone", 20)) or bool(self._list("about"))

    def _custom(self) -> dict[str, str | int | float | None]:
        text = self._query.get("custom_fields", "")
        asked = self._json("custom_fields", text) if text else {}
        pairs = list(self._pairs(asked))
        for key, value in pairs:
            if key not in self._account.definitions:
                self._refuse("custom_fields", "names a field that does not exist")
            elif isinstance(value, dict):
                self._refuse("custom_fields", "needs a plain value or an array of them")
        return {key: comparable(value) for key, value in pairs}

    def _pairs(self, asked: Any) -> Iterable[tuple[str, Any]]:
        """Key and value of each custom field asked for, from either encoding."""
        for entry in asked if isinstance(asked, list) else [asked]:
            if not isinstance(entry, dict):
                self._refuse("custom_fields", "must be an object or an array of objects")
            elif isinstance(entry.get("label"), str) and "value" in entry:
                if self._encoding != "spec":
                    yield entry["label"], entry["value"]
            elif not all(isinstance(inner, dict) and "value" in inner for inner in entry.values()):
                self._refuse("custom_fields", 'needs a "value" for each field')
            elif self._encoding != "doc":
                yield from ((key, inner["value"]) for key, inner in entry.items())


def case_ids(values: Iterable[str]) -> tuple[int, ...]:
    """The case ids in a list filter, also comma-separated ones; what cannot be a case id matches nothing."""
    texts = (text.strip() for value in values for text in value.split(","))
    numbers = (int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= 19)
    return tuple(dict.fromkeys(number for number in numbers if number <= _LARGEST_INT))


def comparable(value: Any) -> str | int | float | None:
    """``value`` as SQLite's json_extract would give it: true is 1, arrays are their JSON text."""
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    if isinstance(value, int) and abs(value) > _LARGEST_INT:
        return float(value)
    return int(value) if isinstance(value, bool) else value


def _upper(word: str) -> str:
    return word.upper().replace(" ", "_").replace("-", "_")


def _instant(text: str) -> Span | None:
    """The moment that ``text`` means: a whole second if it has no fraction. Without an offset it is taken as UTC."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    first = (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(milliseconds=1)
    return Span(first, first if match["fraction"] else first + 999)
