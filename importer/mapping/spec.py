"""The forms that a mapping file is made of, as pydantic models: what a value may say, and what each key means.

The descriptions are the ones that editors show, by way of the JSON Schema. What depends on more than one key, on the
custom fields or on the columns of an export is not decided here but where it is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from importer.mapping.conditions import parse_condition
from importer.mapping.dates import parser, time_zone
from importer.mapping.folding import Ignored
from importer.mapping.problems import Malformed, listed, nearest
from importer.mapping.templates import parse_template
from importer.mapping.types import TYPES

T = TypeVar("T")


def checked(check: Callable[[str], object]) -> AfterValidator:
    """Validates a text with a function that raises :class:`Malformed`."""

    def validate(text: str) -> str:
        try:
            check(text)
        except Malformed as error:
            raise PydanticCustomError("malformed", "{what}", {"what": error.what, "hint": error.hint}) from None
        return text

    return AfterValidator(validate)


def _known_type(name: str) -> None:
    if name not in TYPES:
        raise Malformed(f"there is no type {name!r}", nearest(name, TYPES, otherwise=f"one of {listed(TYPES)}"))


def not_empty(entries: tuple[T, ...]) -> tuple[T, ...]:
    """Refuses a list of nothing."""
    if not entries:
        raise PydanticCustomError("malformed", "{what}", {"what": "this list is empty", "hint": "name at least one"})
    return entries


def as_list(value: Any) -> Any:
    """One entry is a list of one."""
    return value if isinstance(value, list) else [value]


def as_column(value: Any) -> Any:
    """A bare text is the name of a column."""
    return {"column": value} if isinstance(value, str) else value


def _constant(value: Any) -> Any:
    return {"value": value} if isinstance(value, str) else value


#: Any scalar of the file. It is taken as the text that stands there; the schema lets editors accept numbers too.
Scalar = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]
ColumnName = Annotated[Scalar, Field(min_length=1)]


class Form(BaseModel):
    """What all forms have in common."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        field_title_generator=lambda name, _: name.replace("_", " ").capitalize(),
    )


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
DateFormat = Annotated[Scalar, checked(parser)]
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
When = Annotated[str, checked(parse_condition)]

#: Where a value comes from: a value has exactly one of these keys.
ORIGINS = ("column", "value", "template", "first", "lookup", "record")


class LookupForm(Form):
    """What another file (CSV, Excel) says about one or several cells of a row."""

    file: Annotated[str, Field(min_length=1)]
    """The file. Its path begins in the folder of the mapping."""

    key: Columns
    """The columns of the file in which the cells are looked up."""

    by: Columns | None = None
    """The columns of the export that hold what is looked up. By default those that are called like `key`."""

    value: OneColumn
    """The column of the file that holds what the value becomes."""

    ignore: Ignore | None = None
    """What does not count when cells are compared: `case`, `blanks`, or both."""

    none: Literal["reject", "empty", "default"] = "reject"
    """What becomes of cells that the file does not have: an error, nothing, or `default`."""

    several: Literal["reject", "first"] = "reject"
    """What becomes of cells that stand in the file with several values: an error, or the first of them."""

    sheet: Scalar | None = None
    """Sheet of a workbook, by name or number. By default the first one that is shown and holds a table."""

    encoding: str | None = None
    """Encoding of a CSV file, such as cp1252. By default UTF-8, or what a byte order mark says."""

    delimiter: str | None = None
    """Delimiter of a CSV file. By default what the file shows."""


class ValueForm(Form):
    """A value of the case: where it comes from, and what is done with it."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [origin]} for origin in ORIGINS]})

    column: ColumnName | None = None
    """The header of the column that holds the value."""

    value: Scalar | None = None
    """The same text for every case."""

    template: Annotated[str, checked(parse_template)] | None = None
    """Text with {Column} in it. {{ and }} stand for braces. Empty if all of its columns are empty."""

    first: Columns | None = None
    """Several columns: the first that is not empty counts."""

    lookup: LookupForm | None = None
    """What another file says about cells of the row."""

    record: Columns | None = None
    """Only for `parent_id`: the columns that name another row, whose case becomes the parent of this one."""

    of: Columns | None = None
    """With `record`: the columns that hold what other rows call a row by. By default its key."""

    missing: Literal["reject", "drop"] = "reject"
    """With `record`: what becomes of a row if there is no row above it: an error, or a case without parent."""

    cycle: Literal["reject", "drop"] = "reject"
    """With `record`: what becomes of rows that stand above themselves: an error, or cases without parent."""

    deep: Literal["reject", "drop", "root"] = "reject"
    """With `record`: what becomes of a row below two others: an error, a case without parent, or linked to the top."""

    occurrence: Annotated[int, Field(ge=1)] | None = None
    """With `column`: which one, if several columns have this header; 1 is the leftmost."""

    join: str | None = None
    """With `column`, if several columns have this header: what stands between their cells."""

    type: Annotated[str, checked(_known_type), WithJsonSchema({"enum": list(TYPES)})] | None = None
    """What the text means. By default what the target takes, or text."""

    values: dict[str, Scalar] | None = None
    """Table: text of the cell, without blanks around it → what it becomes."""

    unknown: Literal["reject", "default", "keep", "empty"] = "reject"
    """What becomes of a text that `values` does not list: an error, `default`, the text itself, or nothing."""

    ignore: Ignore | None = None
    """With `values`: what does not count when texts are compared: `case`, `blanks`, or both."""

    when: When | None = None
    """Condition, such as "Status == 'open'". A row that does not meet it has no value here."""

    default: Scalar | None = None
    """What to take when there is no value. Not translated by `values`."""

    required: bool = False
    """Whether a row without this value is invalid."""

    format: DateFormats | None = None
    """Form of a date: `iso`, or a pattern such as '%d/%m/%Y %H:%M', or a list of them. By default iso."""

    timezone: Annotated[str, checked(time_zone)] | None = None
    """The clocks that the dates were read from, as an IANA name. By default UTC."""

    separator: Annotated[str, Field(min_length=1)] | None = None
    """What stands between the entries of a list. By default a comma."""

    html: Literal["text"] | None = None
    """`text` if the cells hold HTML, which is to become the text that a reader of it would see."""

    strip: bool | None = None
    """Whether blanks around a text are removed. By default yes, except in texts of several lines."""

    collapse: bool | None = None
    """Whether every run of white space becomes one blank. By default only line breaks and tabs in one-line texts."""

    max: Annotated[int, Field(ge=1)] | None = None
    """How many characters a text may have. By default what the target takes."""

    overflow: Literal["reject", "truncate", "note"] = "reject"
    """What becomes of a longer text: an error, its begin with an ellipsis, or that and a note with the whole text."""

    @model_validator(mode="after")
    def _one_origin(self) -> ValueForm:
        found = [f"`{origin}`" for origin in ORIGINS if origin in self.model_fields_set]
        if len(found) != 1:
            what = f"{' and '.join(found)} exclude each other" if found else "this value comes from nowhere"
            hint = f"write one of {listed(ORIGINS)}"
            raise PydanticCustomError("malformed", "{what}", {"what": what, "hint": hint})
        return self

    @property
    def origin(self) -> str:
        """The one of :data:`ORIGINS` that this value has."""
        return next(origin for origin in ORIGINS if origin in self.model_fields_set)


Value = Annotated[ValueForm, BeforeValidator(as_column, json_schema_input_type=Scalar | ValueForm)]
Flag = Annotated[ValueForm, BeforeValidator(_constant, json_schema_input_type=bool | ValueForm)]


class SourceForm(Form):
    """What the export means."""

    key: Columns
    """What identifies a ticket for ever: a column, or several."""

    join: Annotated[str, Field(min_length=1)] = "/"
    """What stands between the parts of a key of several columns."""

    empty: Annotated[tuple[Scalar, ...], BeforeValidator(as_list, json_schema_input_type=Scalar | list[Scalar])] = ("",)
    """Texts that count as no value. A cell of blanks always does."""

    only: When | None = None
    """Condition, such as "Status != 'spam'". A row that does not meet it is left out on purpose."""

    skip: When | None = None
    """Condition, such as "Type == 'test'". A row that meets it is left out on purpose."""
