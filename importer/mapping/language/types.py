"""The names of the types of values, and of what a comparison may ignore."""

from __future__ import annotations

from typing import Literal, TypeAlias

#: What a comparison may ignore: upper and lower case, or spaces wherever they are.
Ignored: TypeAlias = Literal["case", "blanks"]


#: What a type of the mapping language makes of a text, and what a field can be given.
Kind: TypeAlias = Literal["text", "integer", "decimal", "boolean", "instant", "list", "path"]
#: The types that a value can have; :data:`importer.mapping.converters.TYPES` says what each does.
TYPE_NAMES = (
    "text",
    "integer",
    "decimal",
    "boolean",
    "date",
    "datetime",
    "email",
    "address",
    "address_name",
    "list",
    "path",
    "json",
)
