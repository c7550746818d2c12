"""Why a cell cannot become the value that the mapping wants, in words for the person who owns the export."""

from __future__ import annotations

from typing import Any

from pydantic_core import ErrorDetails

from importer.mapping.problems import listed, nearest
from importer.models import FieldError, shown
from importer.talkdesk.payloads import INTEGER_MAX

NUL = "\x00"


class CellError(ValueError):
    """A text that cannot become a value. Becomes a :class:`FieldError` once the column is known.

    Args:
        code: Stable word for machines.
        rule: What is wrong with the text, as a sentence that begins with it: "has 212 characters, …".
        hint: What the person can do.
        column: The column of the text, if it is not the one that the field reads.
        text: The text itself, likewise.
    """

    def __init__(self, code: str, rule: str, hint: str, *, column: str | None = None, text: str | None = None) -> None:
        super().__init__(code, rule, hint)
        self.code = code
        self.rule = rule
        self.hint = hint
        self.column = column
        self.text = text

    def at(self, column: str | None, text: str, *, target: str) -> FieldError:
        """The same error, now of a certain cell."""
        column = self.column if self.column is not None else column
        text = self.text if self.text is not None else text
        return FieldError(self.code, column, shown(printable(text)), self.rule, self.hint, target)


def printable(text: str) -> str:
    """``text`` with incomplete characters written out, so that every file can hold it."""
    return text if text.isprintable() else text.encode("utf-8", "backslashreplace").decode()


def is_sendable(text: str) -> bool:
    """Whether ``text`` has neither NUL nor half of a surrogate pair in it."""
    return text.isprintable() or (NUL not in text and not any("\ud800" <= sign <= "\udfff" for sign in text))


def missing(**cell: str | None) -> CellError:
    """A value is required, and there is none."""
    hint = "fill in the cell, or set `default:` in the mapping"
    return CellError("missing", "is empty, but a value is required", hint, **cell)


def bad_text() -> CellError:
    """Text that no JSON reader can be trusted with."""
    rule = "contains a NUL character or an incomplete Unicode character"
    return CellError("bad_text", rule, "remove the character, or export the file again")


def too_long(text: str, most: int) -> CellError:
    """More characters than the field or the mapping allows."""
    rule = f"has {len(text):,} characters (maximum {most:,})"
    return CellError("too_long", rule, "shorten it, or set `overflow: truncate`")


def too_large() -> CellError:
    """A whole number that readers of JSON would round."""
    rule = f"is larger than {INTEGER_MAX}, so JSON readers would round it"
    return CellError("too_large", rule, "map it to a text field instead")


def from_pydantic(found: ErrorDetails) -> CellError:
    """What the model of the case found, in the words of this importer."""
    value, limits = found["input"], found.get("ctx", {})
    match found["type"]:
        case "string_too_long":
            return too_long(value, limits["max_length"])
        case "too_long":
            rule = f"has {len(value)} entries (maximum {limits['max_length']})"
            return CellError("too_many", rule, "remove some entries")
        case "literal_error":
            return _not_allowed(value, limits["expected"].split("'")[1::2])
        case "string_unicode" | "string_pattern_mismatch":
            return bad_text()
        case "string_too_short" | "too_short" | "missing":
            return missing()
    return CellError("not_accepted", found["msg"], "see docs/mapping.md for the values this field accepts")


def _not_allowed(value: Any, allowed: list[str]) -> CellError:
    hint = nearest(str(value), allowed, otherwise="translate it with `values:`")
    return CellError("not_allowed", f"is not one of {listed(allowed)}", hint)
