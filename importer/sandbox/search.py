"""The filters of GET /cm/core/va/cases: a query string becomes SQL.

Two encodings are in circulation. The reference page shows lists as JSON arrays in one value, words in any case and
custom fields as ``[{"label": key, "value": …}]`` (here "doc"); the OpenAPI bundle says repeated keys, upper-case words
and ``{key: {"value": …}}``, in its example inside an array (here "spec"). Which of them the service reads is confirmed
nowhere, so a sandbox can be told to read only one: filters in the other encoding are then silently ignored, which is
the nastier of the two possible behaviours.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

import orjson
from multidict import MultiMapping

from importer.sandbox.answers import ApiError, number_in
from importer.sandbox.bodies import Priority, Type
from importer.sandbox.case import Place, value_of

Encoding = Literal["both", "doc", "spec", "ignore"]
Value = str | int | float
#: SQL, and the values of its question marks.
Condition = tuple[str, Collection[Value]]

_LARGEST_INT = 2**63 - 1
_LARGEST_PAGE = 2**31 - 1
_LARGEST_PER_PAGE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?P<fraction>\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
#: The longest text that each filter takes, by its name and that of its column.
_TEXTS = dict.fromkeys(("agent_id", "requester_id", "requester_email", "title"), 255)
_TEXTS |= {"requester_name": 125, "description": 1_000_000_000}
_WORDS = {
    "status": ("NEW", "OPEN", "PENDING", "ON_HOLD", "RESOLVED", "CLOSED"),
    "priority": get_args(Priority),
    "type": get_args(Type),
}
_TIMES = {"create_at": "created_ms", "update_at": "updated_ms"}
#: Documented, but of no use to an importer. Refused, because a filter that is ignored finds too much.
_UNSUPPORTED = ("agent_name", "agent_email", "requester_type", "requester_phone", "about")


@dataclass(frozen=True, kw_only=True)
class Search:
    """A page of a search, as SQL."""

    page: int
    per_page: int
    where: str  #: Conditions joined by AND.
    parameters: tuple[Value, ...]  #: The values of their question marks.
    order: str
    indexed: str | None  #: The key of a custom field that is looked up, and that therefore wants an index.


def read_search(
    query: MultiMapping[str], *, encoding: Encoding, definitions: Container[str], newest_ms: int | None, fuzzy: bool
) -> Search:
    """The search behind a query string; parameters that the API does not know are ignored.

    Args:
        encoding: Which filters are read; with "ignore" only paging and order count.
        definitions: The keys of custom fields.
        newest_ms: Cases that were created later are not shown yet; None shows all.
        fuzzy: Texts match if they contain what is asked for, ignoring case.

    Raises:
        ApiError: 400, naming the first filter that cannot be read.
    """
    # The unary plus keeps SQLite from choosing an index for a column with three values.
    conditions: list[Condition] = [("+place = ?", [Place.LIVE])]
    fields: dict[str, Any] = {}
    if newest_ms is not None:
        conditions.append(("created_ms <= ?", [newest_ms]))
    if encoding != "ignore":
        fields = _custom_fields(query, encoding, definitions)
        conditions += _text_filters(query, fuzzy=fuzzy)
        conditions += _list_filters(query, encoding)
        conditions += [_equal(value_of(key), value, fuzzy=fuzzy) for key, value in fields.items()]
    column = _TIMES[_word(query, "order_by", tuple(_TIMES), default="create_at", encoding=encoding)]
    direction = _word(query, "sort", ("ASC", "DESC"), default="DESC", encoding=encoding)
    return Search(
        page=number_in(query, "page", default=1, most=_LARGEST_PAGE),
        per_page=number_in(query, "per_page", default=50, most=_LARGEST_PER_PAGE),
        where=" AND ".join(sql for sql, _ in conditions),
        parameters=tuple(value for _, values in conditions for value in values),
        order=f"ORDER BY {column} {direction}, id {direction}",  # cases of one moment keep the order of their ids
        indexed=next(iter(fields), None),
    )


def _word(query: MultiMapping[str], name: str, allowed: tuple[str, ...], *, default: str, encoding: Encoding) -> str:
    """One word; the reference page writes it in either case, the bundle only as it is declared."""
    text = query.get(name) or default
    for word in allowed:
        if text == word or (encoding != "spec" and text.lower() == word.lower()):
            return word
    raise ApiError(400, {name: f"must be one of {', '.join(allowed)}"})


def _equal(column: str, value: Any, *, fuzzy: bool) -> Condition:
    """The column has this value, as SQLite's json_extract gives it: true is 1, arrays are their JSON text."""
    if value is None:
        return f"{column} IS NULL", []
    if fuzzy and isinstance(value, str):
        return f"instr(lower({column}), lower(?))", [value]
    if isinstance(value, list):
        value = orjson.dumps(value).decode()
    elif isinstance(value, int):
        value = int(value) if abs(value) <= _LARGEST_INT else float(value)
    return f"{column} = ?", [value]


def _text_filters(query: MultiMapping[str], *, fuzzy: bool) -> Iterator[Condition]:
    if strange := [name for name in _UNSUPPORTED if name in query]:
        raise ApiError(400, dict.fromkeys(strange, "is a filter that this sandbox does not have"))
    for name, limit in _TEXTS.items():
        text = query.get(name, "")
        if len(text) > limit:
            raise ApiError(400, {name: f"must be at most {limit} characters"})
        if text:
            yield _equal(name, text, fuzzy=fuzzy)


def _list_filters(query: MultiMapping[str], encoding: Encoding) -> Iterator[Condition]:
    for name, allowed in _WORDS.items():
        words = _values(query, name, encoding) or []
        if encoding != "spec":
            words = [word.upper().replace(" ", "_").replace("-", "_") for word in words]
        if not set(words) <= set(allowed):
            raise ApiError(400, {name: f"must be among {', '.join(allowed)}"})
        if words:
            yield f"{name} IN (SELECT value FROM json_each(?))", [orjson.dumps(words).decode()]
    for name, column in _TIMES.items():  # both ends belong to the span
        if (texts := _values(query, name, encoding)) is not None:
            bounds = [bound for text in texts if (bound := _milliseconds(text))]
            if len(texts) != 2 or len(bounds) != 2:
                raise ApiError(400, {name: "must be two times, from and to"})
            yield f"{column} BETWEEN ? AND ?", [bounds[0][0], bounds[1][1]]
    if (ids := _values(query, "ids", encoding)) is not None:
        yield "id IN (SELECT value FROM json_each(?))", [orjson.dumps(case_ids(ids)).decode()]


def _values(query: MultiMapping[str], name: str, encoding: Encoding) -> list[str] | None:
    """The values of a list filter; None if it is absent, empty, or in an encoding that this account ignores."""
    values = query.getall(name, [])
    if len(values) == 1 and values[0].lstrip().startswith("["):
        array = _json(name, values[0]) if encoding != "spec" else []
        if not all(isinstance(value, str | int) for value in array):
            raise ApiError(400, {name: "must be a JSON array of texts"})
        return [str(value) for value in array] or None
    if len(values) > 1 and encoding == "doc":
        return None
    return [value for value in values if value] or None


def _custom_fields(query: MultiMapping[str], encoding: Encoding, definitions: Container[str]) -> dict[str, Any]:
    """Key and value of each custom field that is searched for."""
    asked = _json("custom_fields", query.get("custom_fields") or "[]")
    wanted: dict[str, Any] = {}
    for entry in asked if isinstance(asked, list) else [asked]:
        if not isinstance(entry, dict):
            raise ApiError(400, {"custom_fields": "must be an object or an array of objects"})
        if isinstance(entry.get("label"), str) and "value" in entry:
            read_by, pairs = "doc", {entry["label"]: entry["value"]}
        elif all(isinstance(inner, dict) and "value" in inner for inner in entry.values()):
            read_by, pairs = "spec", {key: inner["value"] for key, inner in entry.items()}
        else:
            raise ApiError(400, {"custom_fields": 'needs a "value" for each field'})
        if encoding in ("both", read_by):
            wanted |= pairs
    if not all(key in definitions for key in wanted):
        raise ApiError(400, {"custom_fields": "names a field that does not exist"})
    if any(isinstance(value, dict) for value in wanted.values()):
        raise ApiError(400, {"custom_fields": "needs a plain value or an array of them"})
    return wanted


def _json(name: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ApiError(400, {name: "is not JSON"}) from None


def case_ids(values: Iterable[str]) -> tuple[int, ...]:
    """The case ids in a list filter, also comma-separated ones; what cannot be a case id matches nothing."""
    texts = (text.strip() for value in values for text in value.split(","))
    numbers = (int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= 19)
    return tuple(dict.fromkeys(number for number in numbers if number <= _LARGEST_INT))


def _milliseconds(text: str) -> tuple[int, int] | None:
    """First and last millisecond that ``text`` means: a whole second if it has no fraction. No offset means UTC."""
    if (match := _TIME.fullmatch(text)) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    first = (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(milliseconds=1)
    return first, first if match["fraction"] else first + 999
