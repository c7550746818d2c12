"""A mapping bound to the columns of an export: its rows become payloads, or field errors."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import orjson

from importer.files.yaml import NodePath
from importer.mapping.after_create import AfterCreate
from importer.mapping.conditions import BoundCondition, filter_conditions
from importer.mapping.custom_fields import Definitions, check_usable
from importer.mapping.field_errors import CellError, Problems, encodable, is_sendable, unsendable
from importer.mapping.header import Cells, Header
from importer.mapping.inputs import Binding
from importer.mapping.language.case_forms import MappingForm
from importer.mapping.language.value_forms import ColumnForm, ValueForm
from importer.mapping.named_files import NamedFiles
from importer.mapping.notes import Companion, Note, WholeText
from importer.mapping.values import CustomFields, Field, make_fields
from importer.models import FieldError, Link, Mapped, Row, UpdateBody, UpdateKind
from importer.talkdesk.payloads import CASE_FIELDS, CaseCreate, custom_field_prefix
from importer.text.safe import shown

#: A longer key could not be searched for: the field filter of the case list is a part of an address.
KEY_MAX = 255
HASH_LENGTH = 32  #: Hexadecimal digits of a key that is a hash; by chance two rows never have the same.
POSITION_LENGTH = 12  #: Digits of the checksum of a file in front of a key that is a row number.
_KEY, _PARENT = "source.key", "parent_id"  # what field errors say that the cells are for
_PARENT_PATH: NodePath = ("case", "parent_id")


class _Begun(NamedTuple):
    """A row that is neither damaged nor filtered."""

    row: Row
    key: str
    link: Link | None
    found: list[FieldError]  #: What the reader found in its cells.
    errors: list[FieldError]  #: Of its key, its link and the conditions, so far.


class RowMapper:
    """Maps the rows of one export. Pure: the same row gives the same bytes, whatever rows were mapped before.

    Args:
        form: The mapping, which names these ``files``.
        columns: The header of the export, in file order, repeats kept; None if the mapping is only to be checked.
        problems: Where problems go, before they are raised.
        definitions: See :class:`Binding`.
        companions: The companion files; None if their notes are not wanted.

    Raises:
        MappingProblems: Something in the mapping does not fit together, or not to the fields of the account, or it
            names columns that the export does not have, or has more than once.
    """

    def __init__(
        self,
        form: MappingForm,
        columns: tuple[str, ...] | None,
        problems: Problems,
        *,
        files: NamedFiles,
        definitions: Definitions | None,
        companions: Collection[Companion] | None = None,
    ) -> None:
        source, case = form.source, form.case
        header = Header(columns, problems, names=source.columns)
        empty = frozenset({"", *(text.strip() for text in source.empty)})
        binding = Binding(header, empty, files, definitions)
        self._width = len(columns or ())
        self._key = RowName(source.key or (), binding, target=_KEY, path=("source", "key"), join=source.join)
        self._is_hashed, self._file = source.hash, (source.position or "")[:POSITION_LENGTH]
        self._filters = [
            (name, reason, BoundCondition(text, binding, path=("source", name)))
            for name, reason, text in filter_conditions(source)
        ]
        fields = make_fields(case, CaseCreate, binding, part="case")
        if self._file and case.parent_id and case.parent_id.record and not case.parent_id.of:
            what, hint = "`record` needs `of` where rows have no key", "set `of:` to the column that child rows name"
            problems.add((*_PARENT_PATH, "record"), what, hint)
        self._parent = ParentLink.of(case.parent_id, binding, join=source.join)
        custom = CustomFields(case.custom_fields, binding, part="case")
        notes = [
            Note(note, binding, path=("case", "notes", number), source=source, companions=companions)
            for number, note in enumerate(case.notes)
            if columns is None or companions is not None or not (note.each and note.each.file)
        ]
        of_notes = [field for note in notes if not note.each for field in note.fields.values()]
        of_case = (*fields.values(), *custom.fields.values())
        whole_texts = [WholeText(field, binding) for field in of_case if field.form.overflow == "note"]
        self._notes: list[Note | WholeText] = [*notes, *whole_texts]
        self._after = AfterCreate(form, binding)
        self._external_id_field, self._notes_per_call = form.external_id_field, form.notes_per_call
        _check_external_id(form, problems, definitions)
        problems.raise_if_any()
        #: In the order in which they are sent: whether it is a custom field, its name, and what reads it.
        self._fields: list[tuple[bool, str, Field]] = []
        for name in CASE_FIELDS:
            if name == "custom_fields":
                self._fields += [(True, key, field) for key, field in custom.fields.items()]
            elif name in fields:
                self._fields.append((False, name, fields[name]))
        self._check = custom.check_of(CaseCreate, form.external_id_field)
        self.columns_used = frozenset(header.used)  #: The columns that the mapping reads.
        #: The fields that read the rows of the export, for statistics.
        self.fields: tuple[Field, ...] = (*of_case, *self._after.fields, *of_notes)

    @property
    def allowed(self) -> dict[str, list[str]]:
        """Column → the only words that all its fields accept; of columns of which that is known."""
        found: dict[str, list[str]] = {}
        for field in self.fields:
            if (words := field.allowed) and field.columns:  # an optional column may be absent
                (column,) = field.columns
                found[column] = [word for word in found.get(column, words) if word in words]
        return found

    @property
    def by_position(self) -> bool:
        """Whether the number of a row is its key."""
        return bool(self._file)

    def apply(self, row: Row) -> Mapped:
        """A body to send, all that is wrong with the row, or why it is filtered.

        Never raises: what the reader found wrong, or what cannot be sent, comes back as field errors.
        """
        return self.apply_all([row])[0]

    def apply_all(self, rows: Sequence[Row]) -> list[Mapped]:
        """What :meth:`apply` makes of each row. Its fields are read column by column, which takes half the time."""
        begun = [self._begun(row) for row in rows]
        cells = [each.row.cells for each in begun if isinstance(each, _Begun)]
        values = zip(*(field.read_all(cells) for *_, field in self._fields), strict=True)
        return [self._ended(each, next(values)) if isinstance(each, _Begun) else each for each in begun]

    def _begun(self, row: Row) -> Mapped | _Begun:
        """A row of which the fields are to be read, or what it becomes without that."""
        found = [error for error in row.problems if error.column is None or error.column in self.columns_used]
        spoiled = {error.column for error in found}
        if len(row.cells) != self._width:  # nobody knows which cell belongs to which column, the key included
            if None not in spoiled:
                rule = f"row has {len(row.cells)} cells, but the header has {self._width}"
                hint = "check the quotes and delimiters in this row"
                found.insert(0, FieldError("field_count", None, "", rule, hint))
            return Mapped(self.key(row), None, tuple(found))
        errors: list[FieldError] = []
        key = self.key(row, errors)
        if reason := self._filtered_by(row.cells, spoiled, errors):
            return Mapped(key, None, filtered_by=reason)
        link = self.link(row, errors)
        if None in spoiled:
            of_key = [error for error in dict.fromkeys(errors) if error.target == _KEY and error.column not in spoiled]
            return Mapped(key, None, (*found, *of_key), link=link)
        return _Begun(row, key, link, found, errors)

    def _ended(self, begun: _Begun, values: Sequence[Any]) -> Mapped:
        """What a row becomes by the values of its fields."""
        key, link, errors = begun.key, begun.link, begun.errors
        payload = self._payload(begun.row.cells, values, key, errors)
        if not errors:
            errors += unsendable(self._check, payload)
        after = self._after.updates(begun.row.cells, payload, errors)
        if not begun.found and not errors:
            return self._sent(key, payload, link, after)
        spoiled = {error.column for error in begun.found}
        said = [error for error in dict.fromkeys(errors) if error.column not in spoiled]
        return Mapped(key, None, (*begun.found, *said), link=link)

    def key(self, row: Row, errors: list[FieldError] | None = None) -> str:
        """The key of a row, whatever else is wrong with it; empty if it has none, or if its cells are damaged.

        A row without a number is not one of the export: it has no position.
        """
        found = [] if errors is None else errors
        if self._file:
            if not row.number:
                found.append(CellError("no_position").at(None, "", target=_KEY))
            return f"{self._file}-{row.number}" if row.number else ""
        if len(row.cells) != self._width:
            return ""
        key = self._key.digest(row.cells, found) if self._is_hashed else self._key.read(row.cells, found)
        return "" if any(error.column in self._key.columns for error in row.problems) else key

    def link(self, row: Row, errors: list[FieldError] | None = None) -> Link | None:
        """What a row says about its parent row, whatever else is wrong with it."""
        if self._parent is None or len(row.cells) != self._width:
            return None
        link = self._parent.read(row.cells, [] if errors is None else errors)
        return None if any(error.column in self._parent.columns for error in row.problems) else link

    def _filtered_by(self, cells: Cells, spoiled: Collection[str | None], errors: list[FieldError]) -> str:
        """Why a row is filtered; empty if it is not, or if one of the conditions cannot be decided."""
        is_open = None in spoiled or any(column in spoiled for *_, when in self._filters for column in when.columns)
        for name, reason, condition in self._filters:
            is_met = condition.decide(cells, errors, target=f"source.{name}")
            is_open = is_open or is_met is None
            if is_met is (name == "skip") and not is_open:
                return reason
        return ""

    def _payload(self, cells: Cells, values: Sequence[Any], key: str, errors: list[FieldError]) -> dict[str, Any]:
        """The case of a row, in the order in which it is sent; not whole if there are errors."""
        case: dict[str, Any] = {}
        custom: dict[str, Any] = {}
        for (is_custom, name, field), value in zip(self._fields, values, strict=True):
            if isinstance(value, CellError):
                errors.append(field.located(value, cells))
            elif value is not None:
                (custom if is_custom else case)[name] = value
        if key and self._external_id_field is not None:
            custom[self._external_id_field] = key
        case |= {"custom_fields": custom, "notes": self._read_notes(cells, errors)}
        return {name: case[name] for name in CASE_FIELDS if case.get(name)}

    def _read_notes(self, cells: Cells, errors: list[FieldError]) -> list[dict[str, Any]]:
        return [body for note in self._notes for body in note.read(cells, errors)]

    def _sent(self, key: str, payload: dict[str, Any], link: Link | None, after: Sequence[UpdateBody]) -> Mapped:
        notes, most = payload.get("notes", ()), self._notes_per_call
        if len(notes) <= most:
            return Mapped(key, orjson.dumps(payload), case_updates=tuple(after), link=link)
        parts = [notes[first : first + most] for first in range(most, len(notes), most)]
        updates = [UpdateBody(UpdateKind.NOTES, orjson.dumps({"notes": part}), len(part)) for part in parts]
        return Mapped(key, orjson.dumps(payload | {"notes": notes[:most]}), case_updates=(*updates, *after), link=link)


def _check_external_id(form: MappingForm, problems: Problems, definitions: Definitions | None) -> None:
    key, path = form.external_id_field, ("external_id_field",)
    if key is None:
        return
    check_usable(key, definitions, path=path, problems=problems)
    known = definitions.get(key) if definitions else None
    if (known.kind if known else custom_field_prefix(key)) not in ("text", "multi_line_text"):
        what = f"{shown(key)!r} cannot be used for the external id"
        problems.add(path, what, "use a text field, such as text1")
    for name, part in (("case", form.case), ("after_create", form.after_create)):
        if key in part.custom_fields:
            hint = "it is filled from `source.key`; remove it here, or set another `external_id_field`"
            what = f"{key!r} is already used for the external id"
            problems.add((name, "custom_fields", key), what, hint, key=True)


# -- what identifies a row, and its parent row -----------------------------------------------------


class RowName:
    """The key of a row, or another name for it or for its parent row (see ``target``), in one or several columns.

    No cell but the last may contain what ``join`` puts between them: two tickets could look like one.
    """

    def __init__(
        self, columns: Sequence[ColumnForm], binding: Binding, *, target: str, path: NodePath, join: str
    ) -> None:
        self.columns = tuple(binding.header.name(form.column) for form in columns)
        self._positions = binding.header.positions_of(columns, path=path)
        self._join, self._empty, self._target = join, binding.empty, target
        self._what = "key" if target == _KEY else "name"

    def read(self, cells: Cells, errors: list[FieldError]) -> str:
        """The name; empty if there is none, or after an error. A name is empty unless all of its cells are filled."""
        texts = self._texts(cells)
        if self._target != _KEY and not self._empty.isdisjoint(texts):
            return ""
        name = self._join.join(texts)
        found = [(number, error) for number, text in enumerate(texts) if (error := self._error(number, text))]
        if not found and len(name) > KEY_MAX:
            found = [(0, self._too_long(name))]
        for number, error in found:
            if self._target == _KEY:
                errors.append(error.at(self.columns[number], cells[self._positions[number]], target=_KEY))
            else:  # of a link one error is enough
                errors.append(error.at(", ".join(self.columns), name, target=self._target))
                break
        return "" if found else name

    def digest(self, cells: Cells, errors: list[FieldError]) -> str:
        """A hash of all cells, of which one must be filled."""
        texts = self._texts(cells)
        if self._empty.issuperset(texts):
            return self.read(cells, errors)
        return hashlib.sha256(orjson.dumps(list(map(encodable, texts)))).hexdigest()[:HASH_LENGTH]

    def _texts(self, cells: Cells) -> list[str]:
        return [cells[position].strip() for position in self._positions]

    def _error(self, number: int, text: str) -> CellError | None:
        if text in self._empty:
            return CellError("missing_key")
        if number < len(self._positions) - 1 and self._join in text:
            return CellError("ambiguous_key", join=self._join, what=self._what)
        if len(text) > KEY_MAX:
            return self._too_long(text)
        return None if is_sendable(text) else CellError("bad_text")

    def _too_long(self, text: str) -> CellError:
        return CellError("too_long_name", length=len(text), what=self._what, most=KEY_MAX, target=self._target)


class ParentLink:
    """How the link of a row to its parent row is read: a ``parent_id`` with `record`, which reads ``columns``."""

    def __init__(self, form: ValueForm, binding: Binding, *, join: str) -> None:
        def name(columns: Sequence[ColumnForm], key: str) -> RowName:
            return RowName(columns, binding, target=_PARENT, path=(*_PARENT_PATH, key), join=join)

        self._parent = name(form.record or (), "record")
        self._own = name(form.of, "of") if form.of else None
        self._condition = BoundCondition(form.when, binding, path=(*_PARENT_PATH, "when"))
        self.columns = frozenset(self._parent.columns + (self._own.columns if self._own else ()))

    @classmethod
    def of(cls, form: ValueForm | None, binding: Binding, *, join: str) -> ParentLink | None:
        """The link that a ``parent_id`` means; None if it means none, or the export lacks its columns."""
        if form is None or form.record is None:
            return None
        columns = (*form.record, *(form.of or ()))
        lacks_some = any(binding.header.lacks(column.column) for column in columns)
        return None if lacks_some else cls(form, binding, join=join)

    def read(self, cells: Cells, errors: list[FieldError]) -> Link | None:
        """The link; None after an error."""
        found: list[FieldError] = []
        parent = self._parent.read(cells, found) if self._condition.decide(cells, found, target=_PARENT) else ""
        own = self._own.read(cells, found) if self._own else None
        errors += found
        return None if found else Link(own, parent or None)
