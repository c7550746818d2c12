"""What comes back from the API, as types that pydantic checks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from importer.models import CASE_ID
from importer.text.safe import clean

if TYPE_CHECKING:
    from importer.talkdesk.transport import Answer


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
