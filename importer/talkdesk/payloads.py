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
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypeVar, get_args, get_origin

import orjson
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    with_config,
)
from typing_extensions import TypedDict, get_type_hints

from importer.models import CASE_ID, clean

if TYPE_CHECKING:
    from importer.talkdesk.transport import Answer

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


def _or_absent(value: object, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


T = TypeVar("T")
#: None if a value is of another type.
OrAbsent = Annotated[T | None, WrapValidator(_or_absent)]


def _unpacked(fields: Any) -> dict[str, Any]:
    """Custom fields by key, bare values, however they are packed.

    Lists give them as a JSON string, the sample of which is even escaped twice (Talkdesk reference, "Get case
    list"); create and update give an object of ``{value, label}``.
    """
    for _ in range(2):
        if isinstance(fields, str):
            fields = _json(fields) or _json(f'"{fields}"') or _json(fields.replace('\\"', '"'))
    if not isinstance(fields, dict):
        return {}
    return {key: value.get("value") if isinstance(value, dict) else value for key, value in fields.items()}


def _json(text: str) -> Any:
    try:
        return orjson.loads(text.encode("utf-8", "replace"))
    except orjson.JSONDecodeError:
        return None


#: Of the deleted, Talkdesk gives ids as numbers.
_IdText = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
CaseId = Annotated[_IdText, Field(pattern=rf"^{CASE_ID}\z")]
_ShownId = OrAbsent[_IdText]
#: The OpenAPI bundle shows times without a zone; the reference shows them in UTC.
_Moment = Annotated[datetime, AfterValidator(lambda moment: moment if moment.tzinfo else moment.replace(tzinfo=UTC))]


class Note(BaseModel):
    """A note of a case. Reads name its text ``notes_body``, create and update ``note_body``: both are understood.

    ``public`` is None if the answer does not say.
    """

    text: str = Field("", validation_alias=AliasChoices("note_body", "notes_body"))
    title: OrAbsent[str] = Field(None, validation_alias=AliasChoices("note_title", "notes_title"))
    public: OrAbsent[bool] = None


class Case(BaseModel):
    """A case as the API shows it. What an answer does not say is None; only lists give times."""

    id: CaseId
    title: OrAbsent[str] = None
    description: OrAbsent[str] = None
    parent_id: _ShownId = None
    status: OrAbsent[str] = None
    type: OrAbsent[str] = None
    resolution: OrAbsent[str] = None
    group_id: _ShownId = None
    owner_id: _ShownId = Field(None, validation_alias=AliasChoices("owner_id", "agent_id"))  #: agent_id in lists
    priority: OrAbsent[str] = None
    requester_email: OrAbsent[str] = None
    requester_name: OrAbsent[str] = None
    requester_type: OrAbsent[str] = None
    create_at: OrAbsent[_Moment] = None
    update_at: OrAbsent[_Moment] = None
    #: By key, bare values; and as they were given.
    custom_fields: Annotated[dict[str, Any], BeforeValidator(_unpacked)] = Field(default_factory=dict)
    packed_custom_fields: Any = Field(None, validation_alias="custom_fields")
    notes: OrAbsent[list[Note]] = None

    @property
    def shows_custom_fields(self) -> bool:
        """Whether it says which custom fields it has, in a form that can be read."""
        return bool(self.custom_fields) or self.packed_custom_fields in ({}, "{}")

    @property
    def hides_custom_fields(self) -> bool:
        """Whether it gives custom fields in a form that cannot be read, so that it may have any value."""
        packed = self.packed_custom_fields
        return not self.custom_fields and isinstance(packed, str) and packed.strip() not in ("", "{}", "[]", "null")

    def has(self, external_id: str, value: str) -> bool:
        """Whether the custom field ``external_id`` holds exactly this."""
        held = self.custom_fields.get(external_id)
        return held is not None and str(held) == value


def case_in(answer: Answer) -> Case | None:
    """The case in the body of an answer; None if it has none with an id. A secret that comes back is not an id."""
    try:
        case = Case.model_validate_json(answer.body)
    except ValidationError:
        return None
    return None if case.id in answer.secrets else case


def _without_secrets(text: str, info: ValidationInfo) -> str:
    """A server may repeat what it was sent. Longest first, since a secret may contain another one."""
    for secret in sorted(info.context or (), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


#: Text of a server for a message; models with it are validated with ``context=answer.secrets``. Whatever cuts a text
#: comes after this, so that no part of a secret is left.
ServerText = Annotated[str, AfterValidator(_without_secrets)]


class _ErrorField(BaseModel):
    name: ServerText = ""
    description: ServerText = ""


class ErrorBody(BaseModel):
    """The error envelope of Talkdesk's APIs (OpenAPI: ``code``, ``message``, ``description``, ``fields``).

    A proxy may answer anything else, so nothing of it is relied upon. Codes stay text: they have leading zeros.
    """

    code: OrAbsent[Annotated[ServerText, AfterValidator(lambda code: clean(code, 40))]] = None
    message: OrAbsent[ServerText] = None
    description: OrAbsent[ServerText] = None
    fields: OrAbsent[list[_ErrorField]] = None

    @property
    def text(self) -> str:
        """What is wrong, for a person; empty if it does not say."""
        details = [f"{field.name}: {field.description}" for field in self.fields or ()]
        return clean("; ".join([part for part in (self.message, self.description) if part] + details))

    @property
    def field(self) -> str:
        """The first field that it names; empty if it names none."""
        return next((clean(field.name, 80) for field in self.fields or () if field.name), "")

    @property
    def retry_hint(self) -> str | None:
        """How long to wait, as text; None if it does not say."""
        return next((field.description for field in self.fields or () if field.name.lower() == "retry-after"), None)


def error_body(answer: Answer) -> ErrorBody:
    """What an answer says is wrong, without secrets."""
    try:
        return ErrorBody.model_validate_json(answer.body, context=answer.secrets)
    except ValidationError:
        return ErrorBody()
