"""What is sent and what comes back, as types that pydantic checks.

First the bodies of ``POST`` and ``PATCH /cm/core/va/cases``: limits, enums and custom fields by kind. Then answers: of
them only what is needed is read, and an optional field of another type than expected counts as absent.

Sources: Talkdesk reference, "create-a-new-case" (fields, enums, custom-field prefixes and their values); the OpenAPI
bundle, "Update a case" (status, type, resolution, group);
Talkdesk help, "Case fields and formats" (150 and 2,000 characters: the create call states no limits of its
own, the Talkdesk screens and the update call have these); Talkdesk reference, "update-a-case-note" (255).

A body is a plain dict and stays one: it is checked strictly and nothing is coerced, so the dict that was checked
is the dict that is sent. ``None`` is not taken anywhere: what has no value is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, NotRequired, get_args, get_origin

from pydantic import (
    ConfigDict,
    Field,
    TypeAdapter,
    with_config,
)
from typing_extensions import TypedDict, get_type_hints

TITLE_MAX = 150
DESCRIPTION_MAX = 2000
#: Beyond this a reader of JSON may keep only the nearest double.
INTEGER_MAX = 2**53 - 1

Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]  #: no NUL, at which some readers of JSON end a text
Title = Annotated[Text, Field(max_length=TITLE_MAX)]
Description = Annotated[Text, Field(max_length=DESCRIPTION_MAX)]
Resolution = Annotated[Text, Field(max_length=2000)]
NoteTitle = Annotated[Text, Field(max_length=255)]
AnyId = Annotated[Text, Field(max_length=255)]
Priority = Literal["LOW", "NORMAL", "HIGH", "URGENT"]
Status = Literal["NEW", "OPEN", "PENDING", "ON_HOLD", "RESOLVED", "CLOSED"]
CaseType = Literal["QUESTION", "INCIDENT", "PROBLEM", "TASK"]
RequesterType = Literal["Contact"]

Integer = Annotated[int, Field(ge=-INTEGER_MAX, le=INTEGER_MAX)]
Instant = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
#: The sample of the create page sends a drop-down as the number 1, all other pages as the text "001". Which of the two
#: an account takes is not documented, so both are taken here.
OptionKey = Text | Integer
OptionKeys = Annotated[list[Text], Field(min_length=1)]
OptionPath = Annotated[list[Text], Field(min_length=1, max_length=3)]

_STRICT = ConfigDict(strict=True, extra="forbid")


@with_config(_STRICT)
class NoteCreate(TypedDict):
    """A note of a new case. ``public`` is always said: the defaults of reading and writing differ."""

    note_title: NotRequired[NoteTitle]
    note_body: Text
    public: bool


@with_config(_STRICT)
class CaseCreate(TypedDict):
    """A new case. The order of the fields is the order in which they are sent.

    Status, type, group and resolution are missing because creating a case does not take them,
    and there is no way to set a creation date.
    """

    title: Title
    description: Description
    parent_id: NotRequired[Text]
    owner_id: NotRequired[AnyId]
    priority: NotRequired[Priority]
    custom_fields: NotRequired[dict[str, Any]]
    notes: NotRequired[list[NoteCreate]]
    requester_email: NotRequired[Text]
    requester_name: NotRequired[Text]
    requester_type: NotRequired[RequesterType]


@with_config(_STRICT)
class CaseUpdate(TypedDict):
    """What is set in a case after its creation. A custom field is sent as ``{"value": …}``; its label is not needed."""

    type: NotRequired[CaseType]
    group_id: NotRequired[AnyId]
    owner_id: NotRequired[AnyId]
    priority: NotRequired[Priority]
    custom_fields: NotRequired[dict[str, Any]]
    resolution: NotRequired[Resolution]
    status: NotRequired[Status]


#: The names of the fields, in the order in which they are sent.
CASE_FIELDS: tuple[str, ...] = tuple(CaseCreate.__annotations__)
UPDATE_FIELDS: tuple[str, ...] = tuple(CaseUpdate.__annotations__)
#: The states of a case that are its end.
SOLVED = frozenset({"RESOLVED", "CLOSED"})

#: Prefix of a custom-field key → what a value of it must be when a case is created. The create page calls a
#: drop-down ``dropdown``, every other page ``drop_down``: both are taken.
CUSTOM_FIELD_TYPES: Mapping[str, Any] = MappingProxyType(
    {
        "checkbox": bool,
        "date": Instant,
        "decimal": float,
        "dependent_field": OptionPath,
        "drop_down": OptionKey,
        "dropdown": OptionKey,
        "multi_line_text": Text,
        "multi_select": OptionKeys,
        "numeric": Integer,
        "text": Text,
    }
)

CUSTOM_FIELD_KEY = re.compile(f"({'|'.join(CUSTOM_FIELD_TYPES)})[0-9]+")

#: Raises :class:`pydantic.ValidationError` if the value is not what it should be.
Check = Callable[[Any], object]


def custom_field_prefix(key: str) -> str | None:
    """``"date"`` for ``"date1"``; None if ``key`` is not a prefix followed by a number."""
    match = CUSTOM_FIELD_KEY.fullmatch(key)
    return match[1] if match else None


def other_spelling(key: str) -> str | None:
    """``"dropdown1"`` for ``"drop_down1"``, and the other way round; None if there is but one spelling."""
    match custom_field_prefix(key):
        case "drop_down":
            return key.replace("drop_down", "dropdown")
        case "dropdown":
            return key.replace("dropdown", "drop_down")
    return None


@cache
def field_types(model: Any) -> dict[str, tuple[Any, bool]]:
    """The type of each field of one of the dicts above, and whether it must be there."""
    optional: Any = NotRequired
    hints = get_type_hints(model, include_extras=True)
    return {
        name: (get_args(hint)[0], False) if get_origin(hint) is optional else (hint, True)
        for name, hint in hints.items()
    }


def longest(annotation: Any) -> int | None:
    """How many characters a text of this type may have; None if that is not limited."""
    if get_origin(annotation) is not Annotated or get_args(annotation)[0] is not str:
        return None
    rules = [rule for extra in get_args(annotation)[1:] for rule in getattr(extra, "metadata", ())]
    return next((rule.max_length for rule in rules if hasattr(rule, "max_length")), None)


def choices(annotation: Any) -> tuple[str, ...]:
    """The words that this type consists of; none if it is another type."""
    return get_args(annotation) if get_origin(annotation) is Literal else ()


@cache  # making one takes a millisecond, and a mapping has many values of few types
def value_check(annotation: Any) -> Check:
    """The check of one value of one of the types above."""
    return TypeAdapter(annotation, config=ConfigDict(strict=True)).validator.validate_python


def case_check(
    custom_fields: Iterable[str], kinds: Mapping[str, str] = MappingProxyType({}), *, model: Any = CaseCreate
) -> Check:
    """The check of a whole body that may carry exactly these custom fields, as bare values.

    Args:
        model: The body of a creation, or of an update.
        custom_fields: Keys such as ``text1``. Which keys an account has is its own business, so a check can
            only be made for keys that somebody named.
        kinds: Key → prefix of its kind, where the key itself does not show it.

    Raises:
        ValueError: A key has none of the known prefixes.
    """
    prefixes = {key: kinds.get(key) or custom_field_prefix(key) for key in custom_fields}
    if strange := [key for key, prefix in prefixes.items() if prefix is None]:
        known = ", ".join(CUSTOM_FIELD_TYPES)
        raise ValueError(f"{strange[0]!r} is not a custom-field key: a prefix ({known}) and a number")
    typed_dict: Any = TypedDict  # a type whose keys are known only at run time is beyond the type checker
    types = {key: NotRequired[CUSTOM_FIELD_TYPES[prefix]] for key, prefix in prefixes.items() if prefix}
    custom = with_config(_STRICT)(typed_dict("CustomFields", types))
    fields = {**get_type_hints(model, include_extras=True), "custom_fields": NotRequired[custom]}
    return TypeAdapter[Any](with_config(_STRICT)(typed_dict(model.__name__, fields))).validator.validate_python


# -- answers ---------------------------------------------------------------------------------------
