"""The values of a mapping file as pydantic models: which keys a value has, and what each of them means.

Editors show the descriptions, by way of the JSON Schema. What depends on the custom fields, on the target of a value or
on the columns of an export is checked where the value is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from importer.mapping.dates import parser, time_zone
from importer.mapping.field_errors import FormError
from importer.mapping.language.expressions import parse_condition
from importer.mapping.language.templates import parse_template
from importer.mapping.language.types import TYPE_NAMES, Ignored
from importer.text.wording import listed, nearest

T = TypeVar("T")

#: Where a value comes from: a value has exactly one of these keys.
ORIGINS = ("column", "value", "template", "first", "lookup", "record")
_OF_RECORD = frozenset({"record", "of", "missing", "cycle", "deep", "when"})


def _checked(check: Callable[[str], object]) -> AfterValidator:
    """Validates a text with a function that raises :class:`FormError`."""

    def validate(text: str) -> str:
        check(text)
        return text

    return AfterValidator(validate)


def _known_type(name: str) -> None:
    if name not in TYPE_NAMES:
        raise FormError(
            f"unknown type {name!r}", nearest(name, TYPE_NAMES, otherwise=f"use one of {listed(TYPE_NAMES)}")
        )


def not_empty(entries: tuple[T, ...]) -> tuple[T, ...]:
    """Refuses a list of nothing."""
    if not entries:
        raise FormError("the list is empty", "add at least one entry")
    return entries


def as_list(value: Any) -> Any:
    """One entry is a list of one."""
    return value if isinstance(value, list) else [value]


def as_column(value: Any) -> Any:
    """A bare text is the name of a column."""
    return {"column": value} if isinstance(value, str) else value


def _as_constant(value: Any) -> Any:
    return {"value": value} if isinstance(value, str) else value


#: Any scalar of the file. It is taken as the text in the file; the schema lets editors accept numbers too.
Scalar = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]
ColumnName = Annotated[Scalar, Field(min_length=1)]


class Form(BaseModel):
    """A part of a mapping file as it is written: each key of the YAML is a field, and unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        field_title_generator=lambda name, _: name.replace("_", " ").capitalize(),
    )
    #: Key → the key without which it has no effect.
    needs: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        for key, needed in self.needs.items():
            if key in self.model_fields_set and needed not in self.model_fields_set:
                what = f"`{key}` has no effect without `{needed}`"
                raise FormError(what, f"add `{needed}`, or remove `{key}`", key=key)
        return self


class ColumnForm(Form):
    """One column of the export."""

    column: ColumnName
    """The header of the column, exactly as the file has it."""

    occurrence: Annotated[int, Field(ge=1)] | None = None
    """Which one, if several columns have this header: 1 is the leftmost."""


OneColumn = Annotated[ColumnForm, BeforeValidator(as_column, json_schema_input_type=Scalar | ColumnForm)]
Columns = Annotated[
    tuple[OneColumn, ...],
    AfterValidator(not_empty),
    BeforeValidator(as_list, json_schema_input_type=OneColumn | list[OneColumn]),
]
DateFormat = Annotated[Scalar, _checked(parser)]
DateFormats = Annotated[
    tuple[DateFormat, ...],
    AfterValidator(not_empty),
    BeforeValidator(as_list, json_schema_input_type=DateFormat | list[DateFormat]),
]

Ignore = Annotated[
    tuple[Ignored, ...],
    AfterValidator(not_empty),
    BeforeValidator(as_list, json_schema_input_type=Ignored | list[Ignored]),
]
When = Annotated[str, _checked(parse_condition)]


class ReadingForm(Form):
    """How a file is read, where the file itself does not show it."""

    sheet: Scalar | None = None
    """Sheet of a workbook, by name or number. By default the one that looks most like tickets."""

    encoding: str | None = None
    """Encoding of a CSV file, such as cp1252. By default UTF-8, or what a byte order mark says."""

    delimiter: str | None = None
    """Delimiter of a CSV file. By default what the file shows."""


class FileForm(ReadingForm):
    """How another file is read and searched."""

    ignore: Ignore | None = None
    """What to ignore when keys are compared: `case`, `blanks` (spaces), or both."""


class LookupForm(FileForm):
    """What another file (CSV, Excel) says about one or several cells of a row."""

    file: Annotated[str, Field(min_length=1)]
    """The file. Its path is relative to the folder of the mapping."""

    key: Columns
    """The columns of the file in which the cells are looked up."""

    by: Columns | None = None
    """The columns of the export with the values to look up. By default the columns named like `key`."""

    value: OneColumn
    """The column of the file with what the value becomes."""

    none: Literal["reject", "empty", "default"] = "reject"
    """For cells that are not in the file: `reject` the row, no value (`empty`), or `default`."""

    several: Literal["reject", "first"] = "reject"
    """For cells that have several values in the file: `reject` the row, or use the `first`."""


class ValueForm(Form):
    """A value of the case: where it comes from, and what is done with it."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [origin]} for origin in ORIGINS]})
    needs = (
        dict.fromkeys(("of", "missing", "cycle", "deep"), "record")
        | dict.fromkeys(("unknown", "ignore"), "values")
        | dict.fromkeys(("occurrence", "join"), "column")
    )

    column: ColumnName | None = None
    """The header of the column with the value."""

    value: Scalar | None = None
    """The same text for every case."""

    template: Annotated[str, _checked(parse_template)] | None = None
    """Text with {Column} in it. {{ and }} are braces. Empty if all of its columns are empty."""

    first: Columns | None = None
    """Several columns: the first that is not empty counts."""

    lookup: LookupForm | None = None
    """What another file says about cells of the row."""

    record: Columns | None = None
    """Only for `parent_id`: the columns with the key of the parent row, whose case becomes the parent."""

    of: Columns | None = None
    """With `record`: the columns with the name by which child rows refer to a row. By default its key."""

    missing: Literal["reject", "drop"] = "reject"
    """With `record`: if the parent row does not exist: `reject` the row, or `drop` the link."""

    cycle: Literal["reject", "drop"] = "reject"
    """With `record`: if the parent rows lead back to the row: `reject` the row, or `drop` the link."""

    deep: Literal["reject", "drop", "root"] = "reject"
    """With `record`: if the parent row has a parent: `reject` the row, `drop` the link, or link to the `root`."""

    occurrence: Annotated[int, Field(ge=1)] | None = None
    """With `column`: which one, if several columns have this header; 1 is the leftmost."""

    join: str | None = None
    """With `column`, if several columns have this header: the text between their cells."""

    type: Annotated[str, _checked(_known_type), WithJsonSchema({"enum": list(TYPE_NAMES)})] | None = None
    """What the text means. By default what the target takes, or text."""

    values: dict[str, Scalar] | None = None
    """Table: text of the cell, without spaces around it → what it becomes."""

    unknown: Literal["reject", "default", "keep", "empty"] = "reject"
    """For a text that `values` does not list: `reject` the row, `default`, `keep` the text, or no value (`empty`)."""

    ignore: Ignore | None = None
    """With `values`: what to ignore when texts are compared: `case`, `blanks` (spaces), or both."""

    when: When | None = None
    """Condition, such as "Status == 'open'". A row that does not meet it has no value here."""

    default: Scalar | None = None
    """What to take when there is no value. Not translated by `values`."""

    required: bool = False
    """Whether a row without this value is invalid."""

    format: DateFormats | None = None
    """Form of a date: `iso`, `epoch`, `epoch_ms`, `epoch_us`, a pattern such as '%d/%m/%Y %H:%M', or a list."""

    timezone: Annotated[str, _checked(time_zone)] | None = None
    """The time zone of the dates, as an IANA name. By default UTC."""

    separator: Annotated[str, Field(min_length=1)] | None = None
    """The text between the entries of a list. By default a comma."""

    html: Literal["text"] | None = None
    """`text` if the cells contain HTML, which is to become the text that a reader of it would see."""

    strip: bool | None = None
    """Whether spaces around a text are removed. By default yes, except in texts of several lines."""

    collapse: bool | None = None
    """Whether every run of white space becomes one space. By default only line breaks and tabs in one-line texts."""

    max: Annotated[int, Field(ge=1)] | None = None
    """How many characters a text may have. By default what the target takes."""

    overflow: Literal["reject", "truncate", "note"] = "reject"
    """For a longer text: `reject` the row, `truncate` it, or truncate it and add a `note` with the whole text."""

    @model_validator(mode="after")
    def _fits_together(self) -> ValueForm:
        found = [f"`{origin}`" for origin in ORIGINS if origin in self.model_fields_set]
        if len(found) != 1:
            what = f"{' and '.join(found)} cannot be used together" if found else "this value has no source"
            raise FormError(what, f"set one of {listed(ORIGINS)}")
        given, origin, lookup = self.model_fields_set, self.origin, self.lookup
        needless: set[str] = set()
        if origin == "record":
            needless = given - _OF_RECORD
        elif origin == "value":
            needless = given & ({"values", "html"} if self.when else {"values", "html", "default", "required"})
        if needless:
            key = min(needless)
            raise FormError(f"`{key}` has no effect with `{origin}`", f"remove `{key}`", key=key)
        if self.occurrence is not None and self.join is not None:
            raise FormError("`occurrence` and `join` cannot be used together", "remove one of them", key="join")
        if self.unknown == "default" and self.default is None:
            raise FormError("`unknown: default` requires `default`", "add `default`", key="unknown")
        if self.required and self.default is not None:
            raise FormError("`required` has no effect with `default`", "remove one of them", key="required")
        if lookup and lookup.none == "default" and self.default is None:
            raise FormError("`none: default` requires `default` next to `lookup`", "add `default`", key="lookup")
        if lookup and lookup.by and len(lookup.by) != len(lookup.key):
            what = f"`key` has {len(lookup.key)} columns, but `by` has {len(lookup.by)}"
            raise FormError(what, "list the same number of columns in both", key="lookup")
        return self

    @property
    def origin(self) -> str:
        """The one of :data:`ORIGINS` that this value has."""
        return next(origin for origin in ORIGINS if origin in self.model_fields_set)


Value = Annotated[ValueForm, BeforeValidator(as_column, json_schema_input_type=Scalar | ValueForm)]
Flag = Annotated[ValueForm, BeforeValidator(_as_constant, json_schema_input_type=bool | ValueForm)]


class NamesForm(Form):
    """How a column of the mapping may be named in the export, and whether it may be absent."""

    also: Annotated[
        tuple[ColumnName, ...], BeforeValidator(as_list, json_schema_input_type=ColumnName | list[ColumnName])
    ] = ()
    """Other names of the column: the first one that the export has counts."""

    optional: bool = False
    """Whether the export may lack the column; it counts as empty then."""


def _as_names(value: Any) -> Any:
    return value if isinstance(value, dict) else {"also": value}


Names = Annotated[
    NamesForm, BeforeValidator(_as_names, json_schema_input_type=ColumnName | list[ColumnName] | NamesForm)
]


class SourceForm(ReadingForm):
    """What the export means."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["key"]}, {"required": ["position"]}]})
    needs = {"hash": "key"}

    key: Columns | None = None
    """What identifies a ticket permanently: a column, or several."""

    position: Annotated[str, Field(pattern=r"^[0-9a-f]{12,64}$")] | None = None
    """In place of `key`, if nothing identifies a ticket: the row number is the key, in the one file with this checksum.
    `suggest` writes it; 12 or more of its hexadecimal digits."""

    join: Annotated[str, Field(min_length=1)] = "/"
    """The text between the parts of a key of several columns."""

    hash: bool = False
    """Whether the key is a hash of the columns: for an export without ids. Another text is another ticket."""

    columns: dict[str, Names] = Field(default={})
    """Column of this mapping → its other names, or `{optional: true}` if the export may lack it."""

    empty: Annotated[tuple[Scalar, ...], BeforeValidator(as_list, json_schema_input_type=Scalar | list[Scalar])] = ("",)
    """Texts that count as no value. A cell of spaces always does."""

    only: When | None = None
    """Condition, such as "Status != 'spam'". A row that does not meet it is filtered, on purpose."""

    skip: When | None = None
    """Condition, such as "Type == 'test'". A row that meets it is filtered, on purpose."""

    keep: Literal["first", "last"] = "first"
    """Which row counts if several have one key: the `first`, or the `last` if each row is a state of its ticket."""

    header_row: Annotated[int, Field(ge=0)] | None = None
    """Line, or row of the sheet, with the header; 0 if there is none. By default the first one below titles."""

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if self.key is None and self.position is None:
            raise FormError("`key` is missing in `source`", "add `key: …`")
        if self.position is not None:
            needless = min({"key", "keep"} & self.model_fields_set, default="")
            if needless:
                what = f"`{needless}` and `position` cannot be used together"
                raise FormError(what, "remove one of them: by its position, each row is another ticket", key=needless)
        return self
