"""A mapping file as a whole as a pydantic model: the case, its notes, and where they come from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from importer.mapping.field_errors import FormError
from importer.mapping.language.value_forms import (
    ColumnName,
    Columns,
    FileForm,
    Flag,
    Form,
    Scalar,
    SourceForm,
    Value,
    ValueForm,
    When,
    as_column,
    as_list,
    not_empty,
)
from importer.talkdesk.payloads import CUSTOM_FIELD_KEY

#: The API names no limit. So many cells of the largest size that Excel has (32,767 characters) stay well below 1 MiB,
#: the most that proxies commonly take.
NOTES_PER_CALL = 20


def _different(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise FormError("two parts have the same name", "give each part its own name")
    return names


class EachForm(FileForm):
    """Where the entries come from of which each is a note: the cells of a column, or the rows of another file."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["column"]}, {"required": ["file", "key"]}]})
    needs = dict.fromkeys(("separator", "into", "short", "entries"), "column") | dict.fromkeys(
        ("key", "by", "order", "ignore", "sheet", "encoding", "delimiter", "optional"), "file"
    )

    column: ColumnName | None = None
    """The column: each cell that is not empty, of all columns with this header."""

    separator: Annotated[str, Field(min_length=1)] | None = None
    """With `column`: the text between the parts of an entry, such as ';'."""

    into: Annotated[tuple[ColumnName, ...], AfterValidator(not_empty), AfterValidator(_different)] | None = None
    """With `separator`: the names of the parts, by which values read them like columns. The last takes all the rest."""

    short: Literal["reject", "keep"] = "reject"
    """For an entry with too few parts: `reject` the row, or `keep` the whole of it as the last part."""

    entries: Annotated[str, Field(min_length=1)] | None = None
    """With `column`: the text between several entries in one cell, such as "\\n---\\n"."""

    file: Annotated[str, Field(min_length=1)] | None = None
    """A second file (CSV, Excel): each row of it is an entry. Its path is relative to the folder of the export."""

    key: Columns | None = None
    """With `file`: the columns of the file that say which row of the export an entry belongs to."""

    by: Columns | None = None
    """With `file`: the columns of the export with the same key. By default those of `source.key`."""

    order: (
        Annotated[
            tuple[Value, ...],
            AfterValidator(not_empty),
            BeforeValidator(as_list, json_schema_input_type=Value | list[Value]),
        ]
        | None
    ) = None
    """With `file`: the values by which the entries of a row are sorted. By default they stay as in the file."""

    optional: bool = False
    """With `file`: whether it may be absent. There are no notes from it then, and a remark says so."""

    @model_validator(mode="after")
    def _one_place(self) -> EachForm:
        if (self.column is None) == (self.file is None):
            what = "`column` and `file` cannot be used together" if self.file else "these notes have no source"
            raise FormError(what, "set one of column, file")
        if self.file and self.key is None:
            raise FormError("`file` needs a `key`", "set `key:` to the file's column with the ticket key")
        if (self.separator is None) != (self.into is None):
            hint = "write {column: Comment, separator: ';', into: [created, text]}"
            raise FormError("`separator` and `into` go together", hint)
        if self.into is None and "short" in self.model_fields_set:
            raise FormError("`short` has no effect without `into`", "remove it", key="short")
        return self


Each = Annotated[EachForm, BeforeValidator(as_column, json_schema_input_type=Scalar | EachForm)]


class NoteForm(Form):
    """A note of the case, or one for each of several entries. Without a body there is no note."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["body"]}, {"required": ["each"]}]})

    title: Value | None = None
    """The title of the note, at most 255 characters."""

    body: Value | None = None
    """The text of the note. If it is empty there is no note. With `each`, by default the last part of the cell."""

    each: Each | None = None
    """One note for each cell of a column, or for each row of another file that belongs to the ticket."""

    when: When | None = None
    """Condition, such as "Status == 'open'". A row, or an entry of `each`, that does not meet it has no note."""

    public: Flag = Field(default=ValueForm(value="false"), json_schema_extra={"default": False})
    """Whether the requester can see the note: true, false, or a value."""

    @model_validator(mode="after")
    def _has_a_body(self) -> NoteForm:
        if self.text is None:
            if self.each:
                raise FormError("notes from a file need a `body`", "set `body:` to the file's column with the text")
            raise FormError("this note has no body", "set `body: Column`, or `each: Column` for one note per cell")
        return self

    @property
    def text(self) -> ValueForm | None:
        """The body, be it said or by default."""
        if self.body is not None or self.each is None or self.each.column is None:
            return self.body
        return ValueForm(column=self.each.into[-1] if self.each.into else self.each.column)


class CaseForm(Form):
    """The fields of a case, each a value: a bare text is the name of a column."""

    title: Value
    """Subject of the case, at most 150 characters."""

    description: Value
    """First entry of the case, at most 2,000 characters, taken byte for byte."""

    parent_id: Value | None = None
    """Id of the Talkdesk case that this one belongs to, or `record`: its parent row."""

    owner_id: Value | None = None
    """Id of the Talkdesk user who gets the case; an e-mail address will not do."""

    priority: Value | None = None
    """LOW, NORMAL, HIGH or URGENT."""

    custom_fields: dict[str, Value] = Field(default={})
    """Custom fields by their keys, such as text1 or date1."""

    notes: tuple[NoteForm, ...] = ()
    """Notes of the case, in this order."""

    requester_email: Value | None = None
    """E-mail address of the person who asked."""

    requester_name: Value | None = None
    """Name of the person who asked."""

    requester_type: Value | None = None
    """Only `Contact` can be sent."""


class AfterCreateForm(Form):
    """What is set by an update once the case is there, each a value: creating a case does not take it."""

    needs = dict.fromkeys(("resolution", "close"), "status")

    status: Value | None = None
    """NEW, OPEN, PENDING, ON_HOLD, RESOLVED or CLOSED."""

    resolution: Value | None = None
    """How the case was solved, at most 2,000 characters. Sent only if the status is RESOLVED or CLOSED."""

    type: Value | None = None
    """QUESTION, INCIDENT, PROBLEM or TASK."""

    group_id: Value | None = None
    """Id of the group that the case belongs to."""

    owner_id: Value | None = None
    """Id of the Talkdesk user who gets the case, set late."""

    priority: Value | None = None
    """LOW, NORMAL, HIGH or URGENT, set late."""

    custom_fields: dict[str, Value] = Field(default={})
    """Custom fields by their keys, set late."""

    close: Literal["after_resolved", "directly"] = "after_resolved"
    """How a case becomes CLOSED: by way of RESOLVED, in two updates, or directly."""


#: What the schema is known by, in a file next to the mappings too.
SCHEMA_ID = "urn:case-importer:mapping:1"

#: Only the definitions of an account can allow a key that does not show its kind.
_CUSTOM_KEYS = {"properties": {"custom_fields": {"propertyNames": {"pattern": f"^{CUSTOM_FIELD_KEY.pattern}$"}}}}
_KEYS_WITHOUT_DEFINITIONS: dict[str, Any] = {
    "if": {"not": {"required": ["fields"]}},
    "then": {"properties": {"case": _CUSTOM_KEYS, "after_create": _CUSTOM_KEYS}},
}


class MappingForm(Form):
    """A mapping file of case-importer: how each row of an export becomes a Talkdesk case."""

    model_config = ConfigDict(title="case-importer mapping", json_schema_extra=_KEYS_WITHOUT_DEFINITIONS)

    version: Annotated[int, Field(ge=1, le=1)]
    """Version of this form: 1."""

    source: SourceForm
    """What identifies a ticket, and which cells count as empty."""

    case: CaseForm
    """What is sent."""

    after_create: AfterCreateForm = AfterCreateForm()
    """What is set in the case after its creation: status, resolution, type, group."""

    fields: Annotated[str, Field(min_length=1)] | None = None
    """File with the custom field definitions of the account, saved by `case-importer fields`: labels become keys."""

    external_id_field: str | None = None
    """Custom text field for the external id, which is the key: by it a case is found again. Such as text1."""

    notes_per_call: Annotated[int, Field(ge=1, le=1000)] = NOTES_PER_CALL
    """How many notes one call carries, 1 to 1000; the others follow by updates of the case, in order."""


class _WithoutNull(GenerateJsonSchema):
    """Leaves null out: in a mapping ``null`` is a text, and a key without a value is not written."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The schema of what is there if something is there."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The schema with its default, unless that is null."""
        return (
            super().default_schema(schema)
            if schema.get("default") is not None
            else self.generate_inner(schema["schema"])
        )


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a mapping file, for editors."""
    schema = MappingForm.model_json_schema(schema_generator=_WithoutNull)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}
