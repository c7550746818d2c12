"""Why a cell cannot become the value that the mapping wants, in words for the person who owns the export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from importer.mapping.problems import listed, nearest
from importer.models import FieldError, shown
from importer.talkdesk.payloads import INTEGER_MAX


class CellError(ValueError):
    """A text that cannot become a value. Becomes a :class:`FieldError` once the column is known.

    Args:
        code: Stable word for machines.
        rule: What is wrong with the text, as a sentence that begins with it: "has 212 characters, …".
        hint: What the person can do.
    """

    def __init__(self, code: str, rule: str, hint: str) -> None:
        super().__init__(code, rule, hint)
        self.code = code
        self.rule = rule
        self.hint = hint

    def at(self, *, column: str | None, text: str, target: str) -> FieldError:
        """The same error, now of a certain cell."""
        return FieldError(self.code, column, shown(printable(text)), self.rule, self.hint, target)


def printable(text: str) -> str:
    """``text`` with halves of characters written out, so that whatever keeps the error can encode it."""
    return text if text.isprintable() else text.encode("utf-8", "backslashreplace").decode()


def missing() -> CellError:
    """A value is demanded, and there is none."""
    return CellError("missing", "has no value, and one is required", "fill the cell, or give the mapping a `default:`")


def bad_text() -> CellError:
    """Text that no JSON reader can be trusted with."""
    rule = "holds a NUL character or half of a character"
    return CellError("bad_text", rule, "export the file again, or remove the character")


def too_long(text: str, most: int) -> CellError:
    """More characters than the field or the mapping allows."""
    rule = f"has {len(text)} characters, and at most {most} are allowed"
    return CellError("too_long", rule, "shorten it, or map it with `overflow: truncate`")


def too_large() -> CellError:
    """A whole number that readers of JSON would round."""
    return CellError(
        "too_large",
        f"is larger than {INTEGER_MAX}, so readers of JSON would round it",
        "keep it in a text field instead",
    )


def from_validation(error: ValidationError, value: Any) -> CellError:
    """What the model of the case says about one value, in the words of this importer."""
    first = error.errors(include_url=False, include_context=True)[0]
    word = _WORDS.get(first["type"], _other)
    return word(value if not isinstance(value, list) else first["input"], first.get("ctx", {}), first["msg"])


def _too_long(value: Any, limit: Mapping[str, Any], _: str) -> CellError:
    return too_long(value, limit["max_length"])


def _too_many(value: Any, limit: Mapping[str, Any], _: str) -> CellError:
    rule = f"has {len(value)} entries, and at most {limit['max_length']} are allowed"
    return CellError("too_many", rule, "leave some out")


def _not_allowed(value: Any, limit: Mapping[str, Any], _: str) -> CellError:
    allowed = limit["expected"].split("'")[1::2]
    hint = nearest(str(value), allowed, otherwise="translate it with a `values:` table")
    return CellError("not_allowed", f"is not one of {listed(allowed)}", hint)


def _bad_text(*_: Any) -> CellError:
    return bad_text()


def _missing(*_: Any) -> CellError:
    return missing()


def _other(_: Any, __: Mapping[str, Any], message: str) -> CellError:
    return CellError("not_accepted", message, "see docs/mapping.md for what the field takes")


_WORDS: Mapping[str, Callable[[Any, Mapping[str, Any], str], CellError]] = MappingProxyType(
    {
        "literal_error": _not_allowed,
        "string_too_long": _too_long,
        "string_too_short": _missing,
        "string_unicode": _bad_text,
        "too_long": _too_many,
        "too_short": _missing,
    }
)
