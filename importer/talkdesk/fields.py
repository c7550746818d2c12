"""What an account has: the custom fields of ``GET /cm/meta/va/fields``, and the users of ``GET /users``.

Source: Talkdesk reference, "Get a list of case fields" and "List users", and the OpenAPI bundle. The one shows an array
of fields, the other a single object, and lists elsewhere are wrapped in ``_embedded``: all three are taken. The label
of an option is called ``text``, ``value`` or ``lable`` there. Only two type codes are documented; else the prefix of
the key tells the kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from importer.talkdesk.payloads import CUSTOM_FIELD_TYPES, custom_field_prefix
from importer.talkdesk.search import UnreadableListError
from importer.talkdesk.shown import OrAbsent
from importer.text.safe import clean

_KINDS_OF_CODES: Mapping[str, str] = MappingProxyType({"001": "drop_down", "002": "dependent_field"})
_LABEL_MAX = 10_000
USERS_PER_PAGE = 200  # the most that the reference allows

#: Active is what is not said to be inactive, and required what is said to be.
_ActiveFlag = Annotated[bool, BeforeValidator(lambda value: value is not False)]
_RequiredFlag = Annotated[bool, BeforeValidator(lambda value: value is True)]


def _place_of(error: ValidationError) -> str:
    """Where in an answer the first thing is that is not as it should be, to follow a sentence."""
    place = ".".join(map(str, error.errors()[0]["loc"]))
    return f" (see {place})" if place else ""


class _Entry(BaseModel):
    """An entry of a list of the account. What is empty in it counts as absent, a number as its text."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, entry: Any) -> Any:
        return {k: v for k, v in entry.items() if v not in (None, "", {}, [])} if isinstance(entry, dict) else entry


def _clean_or_key(text: str, info: ValidationInfo) -> str:
    return clean(text, _LABEL_MAX) or clean(info.data.get("key", ""))


#: A text that some accounts give as a number or as true or false.
_Text = Annotated[str, BeforeValidator(lambda value: str(value).lower() if isinstance(value, bool) else value)]
#: What people call something with a key: one line, and the key if that is empty.
_Label = Annotated[_Text, AfterValidator(_clean_or_key)]


class Option(_Entry):
    """An option of a field. The key is what is sent, the label is what people see."""

    key: _Text
    label: _Label = Field(
        default="",
        validate_default=True,
        validation_alias=AliasChoices("text", "value", "label", "lable"),
        serialization_alias="value",
    )
    children: tuple[Option, ...] = Field(default=(), validation_alias=AliasChoices("children", "options"))


class FieldDefinition(_Entry):
    """A custom field of an account, with the name by which people call it."""

    key: _Text  #: As it is called in requests, such as ``drop_down1``.
    name: _Label = Field(default="", validate_default=True)
    type: str = ""  #: The code of its type, or the name of its kind.
    active: _ActiveFlag = True  #: Others should not be sent.
    #: What can be chosen; dependent fields have options within options.
    options: tuple[Option, ...] = Field(
        default=(), validation_alias=AliasChoices("dict_list", "options"), serialization_alias="dict_list"
    )
    required: _RequiredFlag = False  #: Whether a case cannot be solved without it.

    @property
    def kind(self) -> str | None:
        """One of :data:`importer.talkdesk.payloads.CUSTOM_FIELD_TYPES`; None if nothing says which."""
        if kind := custom_field_prefix(self.key) or _KINDS_OF_CODES.get(self.type):
            return kind
        if self.type in CUSTOM_FIELD_TYPES:
            return self.type
        if any(option.children for option in self.options):
            return "dependent_field"
        return "drop_down" if self.options else None


_DEFINITIONS = TypeAdapter(tuple[FieldDefinition, ...])


def as_answer(definitions: Iterable[FieldDefinition]) -> list[dict[str, Any]]:
    """The definitions as ``GET /cm/meta/va/fields`` gives them; the type is the name of the kind, if that is known."""
    return [{**each.model_dump(mode="json", by_alias=True), "type": each.kind or each.type} for each in definitions]


def read_definitions(content: Any) -> tuple[FieldDefinition, ...]:
    """The definitions in the JSON of an answer.

    Raises:
        UnreadableListError: it is not of any of the known forms.
    """
    if isinstance(content, dict):
        inner = content.get("_embedded", content)
        lists = [value for value in inner.values() if isinstance(value, list)] if isinstance(inner, dict) else []
        content = [content] if "key" in content else lists[0] if len(lists) == 1 else None
    try:
        return _DEFINITIONS.validate_python(content)
    except ValidationError as error:
        raise UnreadableListError(f"it has no list of fields with their keys and options{_place_of(error)}") from None


class User(_Entry):
    """Someone who may own cases."""

    email: str = ""
    id: str
    name: str = ""
    active: _ActiveFlag = True


class _UserPage(BaseModel):
    users: list[User] = Field(validation_alias=AliasPath("_embedded", "users"))
    total_pages: OrAbsent[int] = None


def read_users(content: Any) -> tuple[list[User], int | None]:
    """The users in the JSON of an answer, and how many pages there are; None if it does not say.

    Raises:
        UnreadableListError: it is not of the documented form.
    """
    try:
        page = _UserPage.model_validate(content)
    except ValidationError as error:
        raise UnreadableListError(f"it has no list of users with their ids{_place_of(error)}") from None
    return page.users, page.total_pages
