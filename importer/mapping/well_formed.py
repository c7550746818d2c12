"""What is well formed in a mapping file that as a whole is not, so that the rest of it can be looked at as well."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from importer.mapping.document import Problems
from importer.mapping.spec_case import MappingForm
from importer.mapping.spec_problems import report
from importer.mapping.yaml_nodes import NodePath

_FILLER = {"value": "x"}
#: What stands in for a malformed part that no mapping can do without.
_FILLERS: dict[NodePath, Any] = {
    ("version",): "1",
    ("source",): {"key": "x"},
    ("case", "title"): _FILLER,
    ("case", "description"): _FILLER,
}


def well_formed(content: Any, problems: Problems) -> MappingForm | None:
    """The form of what is well formed in ``content``; None if too little is.

    Values of the case are left out as a whole, so that nothing is said that only follows from another problem.
    """
    try:
        return MappingForm.model_validate(content)
    except ValidationError as error:
        report(error, problems)
        return _rest(content, [tuple(found["loc"]) for found in error.errors()])


def without_custom_fields(form: MappingForm) -> MappingForm:
    """The form without what depends on the definitions of custom fields."""
    case = form.case.model_copy(update={"custom_fields": {}})
    return form.model_copy(update={"fields": None, "stamp": None, "case": case})


def _rest(content: Any, malformed: list[NodePath]) -> MappingForm | None:
    if not isinstance(content, dict) or not isinstance(content.get("case"), dict):
        return None
    rest = deepcopy(content)
    for path in malformed:
        _leave_out(rest, path)
    try:
        form = MappingForm.model_validate(rest)
    except ValidationError:
        return None
    return without_custom_fields(form) if ("fields",) in malformed else form


def _leave_out(content: dict[str, Any], path: NodePath) -> None:
    match path:
        case ("case", "custom_fields", str(key), *_):
            content["case"]["custom_fields"].pop(key, None)
        case ("case", "notes", int(number), *_):
            content["case"]["notes"][number] = {"body": _FILLER}  # not removed, or others would be looked for there
        case ("case", str(key), *_):
            _replace(content["case"], key, ("case", key))
        case (str(key), *_):
            _replace(content, key, (key,))


def _replace(table: dict[str, Any], key: str, path: NodePath) -> None:
    if path in _FILLERS:
        table[key] = _FILLERS[path]
    else:
        table.pop(key, None)
