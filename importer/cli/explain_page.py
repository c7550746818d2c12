"""The page of ``explain``: the story of one row, from its cells to what to do, within the width of the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from importer.cli.output import COLOURS, Styled, heading, one_line, quoted, say, say_prose, width
from importer.models import State
from importer.text.safe import clean

if TYPE_CHECKING:
    from importer.ledger.stories import Step
    from importer.verbs.explain import ExplainedRow, Explanation, MappedValue

_NAME_SHOWN, _VALUE_SHOWN = 24, 400
_DELETED = "deleted with forget"


def say_explanation(explanation: Explanation) -> None:
    """Print all rows that were found, and first by what, if that is not their key."""
    if explanation.found_by != "key":
        name = clean(explanation.name, _NAME_SHOWN)
        say_prose(f"info: no row has the key '{name}'; shown by its {explanation.found_by}")
    for number, row in enumerate(explanation.rows):
        if number:
            say()
        _say_row(row)


def _say_row(row: ExplainedRow) -> None:
    case = f" · case {row.case_id}" if row.case_id else ""
    title = f"Row {row.row} of {clean(row.file, 60)} · key {clean(row.key, 60) or '(none)'} · "
    say(Styled(title, bold=True), Styled(row.state, COLOURS.get(State(row.state)), bold=True), case)
    _pairs("", _summary(row))
    _pairs("Cells", ((cell.column or "(no column)", cell.value) for cell in row.cells or ()))
    if row.errors:
        heading("Errors")
        for error, place in zip(row.errors, row.error_places, strict=True):
            _paragraph(f"{error.code} · {error}", "  ")
            if error.suggestion:
                _paragraph(f"suggestion: {error.suggestion}", "    ")
            if place:
                _paragraph(f"← {error.target}, {place}", "    ")
    _say_values(f"What the mapping {clean(row.mapping, 40)} made of it", row.values, row.mapping_note)
    _say_body("Body that was sent" if row.attempts else "Body to be sent", row.body)
    _say_history("History (UTC)", row.history, row.external_id_field)
    for update in row.updates:
        _say_values(f"Case update {update.part} ({update.kind}): {update.state}", update.values, "")
        _say_body("Body", update.body)
        _say_history("History (UTC)", update.history, row.external_id_field)


def _summary(row: ExplainedRow) -> Iterator[tuple[str, str]]:
    yield "why", row.why
    if row.message and row.message != row.why and not row.errors:
        yield "message", f"{row.message} ({row.code})" if row.code else row.message
    yield "what to do", row.what_to_do
    if row.link:
        yield "link", row.link
    if row.parent:
        yield "parent row", row.parent
    later = sum(update.attempts for update in row.updates)
    yield "requests", f"{row.attempts:,} to create it" + (f", {later:,} for case updates" if later else "")
    if row.cells is None:
        yield "contents", _DELETED
    for other in row.others:
        yield "see also", other


def _say_values(title: str, values: Iterable[MappedValue], note: str) -> None:
    """Print each value with the columns and the line of the mapping that it comes from."""
    pairs = [(value.field, _text(value.value), _origin(value)) for value in values]
    _pairs(title, pairs)
    if note and pairs:
        _paragraph(f"info: lines of the mapping are not shown: {note}", "  ")


def _origin(value: MappedValue) -> str:
    if value.place is None:
        return ""
    columns = f"from {', '.join(map(quoted, value.columns))}" if value.columns else "a constant"
    return f"← {columns}, {value.place}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _say_body(title: str, body: Any) -> None:
    """Print JSON; lines that are too long go on in the next one, so it is for reading: --json is for copying."""
    if body is None:
        return
    heading(title)
    for line in orjson.dumps(body, option=orjson.OPT_INDENT_2).decode().splitlines():
        _paragraph(line, "  " + " " * (len(line) - len(line.lstrip())))


def _say_history(title: str, steps: Iterable[Step], field: str | None) -> None:
    _pairs(title, ((step.at.replace("T", " ").rstrip("Z"), _happened(step, field)) for step in steps))


def _happened(step: Step, field: str | None) -> str:
    """What happened, such as ``created: HTTP 201, case 20817``."""
    by = f" by {step.command} (run {step.run})" if step.command else ""
    if step.what == "sending":
        return f"attempt {step.attempt} is sent{by}"
    if step.what == "search":
        return f"searched for by external id in {field}: {step.code}; {step.message}"
    facts = (
        f"HTTP {step.http_status}" if step.http_status else "",
        f"case {step.case_id}" if step.case_id else "",
        f"code {step.code}" if step.code else "",
        step.message or "",
    )
    return f"{step.what}: {', '.join(filter(None, facts))}".rstrip(": ")


def _pairs(title: str, pairs: Iterable[tuple[str, str] | tuple[str, str, str]]) -> None:
    """Print names and values in two columns, each with a remark below it; nothing if there are none."""
    known = [(clean(name, _NAME_SHOWN), value, *remark) for name, value, *remark in pairs]
    if known and title:
        heading(title)
    room = max((len(name) for name, *_ in known), default=0)
    for name, value, *remark in known:
        indent = " " * (room + 4)
        _paragraph(clean(value, _VALUE_SHOWN) or "(empty)", indent, f"  {name:<{room}}  ")
        for text in filter(None, remark):
            _paragraph(text, indent)


def _paragraph(text: str, indent: str, first: str | None = None) -> None:
    """Print a text of any length in lines that fit."""
    for line in textwrap.wrap(
        one_line(text.strip()),
        min(width(), 120),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    ):
        say(line)
