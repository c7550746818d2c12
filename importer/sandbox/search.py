"""The filters of GET /cm/core/va/cases: a query string becomes SQL.

Two encodings are in circulation. The reference page shows lists as JSON arrays in one value, words in any case and
custom fields as ``[{"label": key, "value": …}]`` (here "doc"); the OpenAPI bundle says repeated keys, upper-case words
and ``{key: {"value": …}}``, in its example inside an array (here "spec"). Which of them the service reads is confirmed
nowhere, so a sandbox can be told to read only one: filters in the other encoding are then silently ignored, which is
the nastier of the two possible behaviours.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import orjson
from multidict import MultiMapping

from importer.sandbox.answers import ApiError, Problem
from importer.sandbox.storage import Place, value_of

Encoding = Literal["both", "doc", "spec", "ignore"]
Value = str | int | float | None

_LARGEST_INT = 2**63 - 1
_LARGEST_PAGE = 2**31 - 1
_LARGEST_PER_PAGE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?P<fraction>\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
#: Query name → column and longest text, for the filters that compare one column with one text.
_TEXTS = {
    "agent_id": ("owner_id", 255),
    "requester_id": ("requester_id", 255),
    "requester_name": ("requester_name", 125),
    "requester_email": ("requester_email", 255),
    "title": ("title", 255),
    "description": ("description", 1_000_000_000),
}
_WORDS = {
    "status": ("NEW", "OPEN", "PENDING", "ON_HOLD", "RESOLVED", "CLOSED"),
    "priority": ("LOW", "NORMAL", "HIGH", "URGENT"),
    "type": ("QUESTION", "INCIDENT", "PROBLEM", "TASK"),
}
#: Documented, but of no use to an importer. Refused, because a filter that is ignored finds too much.
_UNSUPPORTED = frozenset({"agent_name", "agent_email", "requester_type", "requester_phone", "about"})
_TIMES = {"create_at": "created_ms", "update_at": "updated_ms"}


@dataclass(frozen=True, kw_only=True)
class ListMode:
    """How truthfully the list answers.

    Attributes:
        lag_ms: Cases younger than this are not shown yet.
        fuzzy: Texts match if they contain what is asked for, ignoring case.
        ignores: All filters are ignored; only paging and order count.
    """

    lag_ms: int = 0
    fuzzy: bool = False
    ignores: bool = False


@dataclass(frozen=True, kw_only=True)
class Search:
    """A page of a search, as SQL.

    Attributes:
        where: The conditions, joined by AND.
        parameters: The values of their question marks.
        order: The ORDER BY clause.
        indexed: Key of a custom field that is looked up exactly, and that therefore wants an index.
    """

    page: int
    per_page: int
    where: str
    parameters: tuple[Value, ...]
    order: str
    indexed: str | None


def read_search(
    query: MultiMapping[str], *, encoding: Encoding, mode: ListMode, definitions: Container[str], now_ms: int
) -> Search:
    """The search behind a query string; parameters that the API does not know are ignored.

    Raises:
        ApiError: 400, naming every filter that cannot be read.
    """
    reading = _Reading(query, encoding, mode, definitions)
    # The unary plus keeps SQLite from choosing an index for a column with three values.
    reading.require("+place = ?", int(Place.LIVE))
    if mode.lag_ms:
        reading.require("created_ms <= ?", now_ms - mode.lag_ms)
    if encoding != "ignore" and not mode.ignores:
        reading.read_filters()
    page = reading.number("page", default=1, most=_LARGEST_PAGE)
    per_page = reading.number("per_page", default=50, most=_LARGEST_PER_PAGE)
    column = _TIMES.get(reading.word("order_by", tuple(_TIMES), default="create_at"), "")
    direction = reading.word("sort", ("ASC", "DESC"), default="DESC")
    if reading.problems:
        raise ApiError(400, *reading.problems)
    return Search(
        page=page,
        per_page=per_page,
        where=" AND ".join(reading.conditions),
        parameters=tuple(reading.parameters),
        order=f"ORDER BY {column} {direction}, id {direction}",  # cases of one moment keep the order of their ids
        indexed=reading.indexed,
    )


@dataclass
class _Reading:
    """One pass over a query string, collecting conditions and problems on the way."""

    query: MultiMapping[str]
    encoding: Encoding
    mode: ListMode
    definitions: Container[str]
    conditions: list[str] = field(default_factory=list)
    parameters: list[Value] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    indexed: str | None = None

    def require(self, condition: str, *parameters: Value) -> None:
        self.conditions.append(condition)
        self.parameters.extend(parameters)

    def refuse(self, name: str, why: str) -> None:
        self.problems.append(Problem(name, why))

    def read_filters(self) -> None:
        for name, (column, limit) in _TEXTS.items():
            text = self.query.get(name, "")
            if len(text) > limit:
                self.refuse(name, f"must be at most {limit} characters")
            elif text and self.mode.fuzzy:
                self.require(f"instr(lower({column}), lower(?))", text)
            elif text:  # e-mail addresses are compared without regard to case
                self.require(f"{column} = ?" + " COLLATE NOCASE" * (name == "requester_email"), text)
        for name, allowed in _WORDS.items():
            words = [value if self.encoding == "spec" else _upper(value) for value in self.values(name) or []]
            if any(word not in allowed for word in words):
                self.refuse(name, f"must be among {', '.join(allowed)}")
            elif words:
                self.require_one_of(name, words)
        for name, column in _TIMES.items():
            self.read_span(name, column)
        if (ids := self.values("ids")) is not None:
            self.require_one_of("id", case_ids(ids))
        for name in _UNSUPPORTED.intersection(self.query):
            self.refuse(name, "is a filter that this sandbox does not have")
        self.read_custom_fields()

    def number(self, name: str, *, default: int, most: int) -> int:
        """A whole number from 1 to ``most``."""
        text = self.query.get(name, "")
        if not text:
            return default
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else 0
        if not 1 <= number <= most:
            self.refuse(name, f"must be a whole number from 1 to {most}")
        return number

    def word(self, name: str, allowed: tuple[str, ...], *, default: str) -> str:
        """One word; the reference page writes it in either case, the bundle only as it is declared."""
        text = self.query.get(name, "")
        if not text:
            return default
        found = text if self.encoding == "spec" else next((w for w in allowed if w.lower() == text.lower()), text)
        if found not in allowed:
            self.refuse(name, f"must be one of {', '.join(allowed)}")
        return found

    def values(self, name: str) -> list[str] | None:
        """The values of a list filter; None if it is absent, empty, or in an encoding that this account ignores."""
        values = self.query.getall(name, [])
        if len(values) == 1 and values[0].lstrip().startswith("["):
            array = self.json(name, values[0]) if self.encoding != "spec" else []
            if not isinstance(array, list) or not all(isinstance(value, str | int) for value in array):
                self.refuse(name, "must be a JSON array of texts")
                return None
            return [str(value) for value in array] or None
        if len(values) > 1 and self.encoding == "doc":
            return None
        return [value for value in values if value] or None

    def json(self, name: str, text: str) -> Any:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            self.refuse(name, "is not JSON")
            return []

    def require_one_of(self, column: str, values: Iterable[Value]) -> None:
        """The column must have one of the values; no values match nothing."""
        wanted = tuple(values)
        self.require(f"{column} IN ({', '.join('?' * len(wanted))})", *wanted)

    def read_span(self, name: str, column: str) -> None:
        """Two times; both ends belong to the span."""
        values = self.values(name)
        if values is None:
            return
        bounds = [bound for value in values if (bound := _milliseconds(value)) is not None]
        if len(values) != 2 or len(bounds) != 2:
            self.refuse(name, "must be two times, from and to")
        else:
            self.require(f"{column} BETWEEN ? AND ?", bounds[0][0], bounds[1][1])

    def read_custom_fields(self) -> None:
        text = self.query.get("custom_fields", "")
        asked = self.json("custom_fields", text) if text else []
        for entry in asked if isinstance(asked, list) else [asked]:
            for key, value in self.pairs(entry):
                if key not in self.definitions:
                    self.refuse("custom_fields", "names a field that does not exist")
                elif isinstance(value, dict):
                    self.refuse("custom_fields", "needs a plain value or an array of them")
                elif value is None:
                    self.require(f"{value_of(key)} IS NULL")
                elif self.mode.fuzzy and isinstance(value, str):
                    self.require(f"instr(lower({value_of(key)}), lower(?))", value)
                else:
                    self.require(f"{value_of(key)} = ?", _comparable(value))
                    self.indexed = self.indexed or key

    def pairs(self, entry: Any) -> Iterator[tuple[str, Any]]:
        """Key and value of each custom field in one object, in either encoding."""
        if not isinstance(entry, dict):
            self.refuse("custom_fields", "must be an object or an array of objects")
        elif isinstance(entry.get("label"), str) and "value" in entry:
            if self.encoding != "spec":
                yield entry["label"], entry["value"]
        elif not all(isinstance(inner, dict) and "value" in inner for inner in entry.values()):
            self.refuse("custom_fields", 'needs a "value" for each field')
        elif self.encoding != "doc":
            yield from ((key, inner["value"]) for key, inner in entry.items())


def case_ids(values: Iterable[str]) -> tuple[int, ...]:
    """The case ids in a list filter, also comma-separated ones; what cannot be a case id matches nothing."""
    texts = (text.strip() for value in values for text in value.split(","))
    numbers = (int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= 19)
    return tuple(dict.fromkeys(number for number in numbers if number <= _LARGEST_INT))


def _comparable(value: Any) -> Value:
    """``value`` as SQLite's json_extract gives it: true is 1, arrays are their JSON text."""
    if isinstance(value, list):
        return orjson.dumps(value).decode()
    if isinstance(value, int) and abs(value) > _LARGEST_INT:
        return float(value)
    return int(value) if isinstance(value, bool) else value


def _upper(word: str) -> str:
    return word.upper().replace(" ", "_").replace("-", "_")


def _milliseconds(text: str) -> tuple[int, int] | None:
    """First and last millisecond that ``text`` means: a whole second if it has no fraction. No offset means UTC."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    first = (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(milliseconds=1)
    return first, first if match["fraction"] else first + 999
