"""What is set in a case after its creation: `after_create` of a mapping, bound to the columns of an export.

Automations and SLA policies of the account run at each update, so everything goes in one; only closing takes a second
one, unless the mapping says otherwise. Source: Talkdesk reference, "Update a case": solving needs a resolution, and
values in all fields that the account requires. Whether a new case may be closed at once is not documented.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from importer.mapping.field_errors import CellError, unsendable
from importer.mapping.header import Cells
from importer.mapping.inputs import Binding
from importer.mapping.language.case_forms import MappingForm
from importer.mapping.language.value_forms import ValueForm
from importer.mapping.values import CustomFields, Field, make_fields
from importer.models import FieldError, UpdateBody, UpdateKind
from importer.talkdesk.payloads import SOLVED, UPDATE_FIELDS, CaseUpdate, other_spelling

_AFTER, _CUSTOM = "after_create", "custom_fields"


class AfterCreate:
    """Makes the updates that set what a case cannot be created with."""

    def __init__(self, form: MappingForm, binding: Binding) -> None:
        after = form.after_create
        self._fields = make_fields(after, CaseUpdate, binding, part=_AFTER)
        self._custom_fields = CustomFields(after.custom_fields, binding, part=_AFTER)
        self._check = self._custom_fields.check_of(CaseUpdate)
        self._closes_directly = after.close == "directly"
        known = binding.definitions or {}
        self._required = [key for key, field in known.items() if field.required and field.active]
        #: The fields that read the rows of the export.
        self.fields: tuple[Field, ...] = (*self._fields.values(), *self._custom_fields.fields.values())
        for path, what, hint in _mapping_problems(form):
            binding.header.problems.add((_AFTER, *path), what, hint, key=True)

    def updates(self, cells: Cells, case: dict[str, Any], errors: list[FieldError]) -> list[UpdateBody]:
        """The updates of the row whose payload is ``case``, in order; what is wrong goes to ``errors``."""
        if not self.fields:
            return []
        values = {name: field.read(cells, errors) for name, field in self._fields.items()}
        custom = self._custom_fields.read(cells, errors)
        if errors:
            return []
        status = values.get("status")
        errors += (self._fields[name].located(error, cells) for name, error in self._problems(values, custom, case))
        if status not in SOLVED:
            values["resolution"] = None
        if status == "NEW":  # as it was created
            values["status"] = None
        body = {name: values.get(name) if name != _CUSTOM else custom or None for name in UPDATE_FIELDS}
        body = {name: value for name, value in body.items() if value is not None}
        errors += unsendable(self._check, body)
        return [] if errors else list(self._bodies(body, custom))

    def _problems(
        self, values: dict[str, Any], custom: dict[str, Any], case: dict[str, Any]
    ) -> Iterator[tuple[str, CellError]]:
        """What does not fit together, and the field to blame for it."""
        status, owner = values.get("status"), values.get("owner_id") or case.get("owner_id")
        if status == "NEW" and owner:
            yield "status", CellError("owner_of_new_case")
        if status not in SOLVED:
            return
        if "resolution" not in self._fields:
            yield "status", CellError("no_resolution")
        elif not values.get("resolution"):
            yield "resolution", CellError("missing_resolution", status=status)
        filled = {*custom, *case.get(_CUSTOM, {})}
        empty = [key for key in self._required if filled.isdisjoint({key, other_spelling(key)})]
        if empty:
            yield "status", CellError("missing_for_solving", fields=", ".join(empty))

    def _bodies(self, body: dict[str, Any], custom: dict[str, Any]) -> Iterator[UpdateBody]:
        if not body:
            return
        items = len(body) + max(0, len(custom) - 1)
        if custom:
            body[_CUSTOM] = {key: {"value": value} for key, value in custom.items()}
        is_closed_later = body.get("status") == "CLOSED" and not self._closes_directly
        if is_closed_later:
            body["status"] = "RESOLVED"
        kind = UpdateKind.SOLVE if body.get("status") in SOLVED else UpdateKind.FIELDS
        yield UpdateBody(kind, orjson.dumps(body), items)
        if is_closed_later:
            yield UpdateBody(UpdateKind.CLOSE, orjson.dumps({"status": "CLOSED"}), 1)


def _solves(status: ValueForm) -> bool:
    """Whether the mapping itself has a status that solves; what is in the cells shows row by row."""
    return not SOLVED.isdisjoint({status.value, status.default, *(status.values or {}).values()})


def _mapping_problems(form: MappingForm) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """The place, what is wrong, and the hint."""
    after, case = form.after_create, form.case
    for name in ("owner_id", "priority"):
        if getattr(after, name) is not None and getattr(case, name) is not None:
            yield (name,), f"`{name}` is set in `case` as well", "remove one of them"
    for key in after.custom_fields:
        for spelling in (key, other_spelling(key)):
            if spelling in case.custom_fields:
                yield (_CUSTOM, key), f"{spelling!r} is set in `case` as well", "remove one of them"
    if after.status is not None and after.resolution is None and _solves(after.status):
        hint = "add `resolution: {value: Solved before the migration}`, or a column with a `default:`"
        yield ("status",), "solves cases, which need a `resolution`", hint
