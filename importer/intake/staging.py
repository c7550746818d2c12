"""Pass 1: read, map and validate a whole source into the ledger. Touches no network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from importer.errors import ChangedError
from importer.failures.put_back import put_back
from importer.failures.read_back import FailuresFile
from importer.intake.companions import Companions, failures_in
from importer.ledger import Ledger, positions
from importer.ledger import sources as entry
from importer.ledger.records import NewSource, SourceInfo, StagedRow
from importer.models import Row
from importer.text.wording import command_line

if TYPE_CHECKING:
    from importer.ledger.records import UnsentRow
    from importer.mapping import Mapping, RowMapper
    from importer.reader import Reader, ReadingOptions

#: Told the share of the source that has been read (0 to 1) and the rows so far; may raise to stop the reading.
Progress = Callable[[float, int], None]
#: Is shown every batch of rows once it is mapped, before it is entered.
Watch = Callable[[Sequence[StagedRow]], None]

_BATCH = 2000


@dataclass(frozen=True, slots=True)
class Reading:
    """How the user wants an export to be read."""

    #: encoding, delimiter: the same bytes read otherwise are other rows
    options: ReadingOptions = field(default_factory=dict)  # type: ignore[assignment]
    #: read the cells of a failures file as they are, also those that only a spreadsheet has changed
    as_is: bool = False


@dataclass(frozen=True, slots=True)
class Staged:
    """A source that is in the ledger."""

    source: SourceInfo
    put_back: int = 0  #: cells of a failures file that only a spreadsheet had changed, if it was read just now


def stage_source(
    ledger: Ledger,
    source: Reader,
    mapping: Mapping,
    *,
    companions: Companions | None = None,
    reading: Reading | None = None,
    progress: Progress,
    watch: Watch | None = None,
) -> Staged:
    """Enter all rows of ``source`` into ``ledger``, unless they are there already.

    Args:
        ledger, source, mapping: Where to; the export; what makes payloads of its rows.
        companions: The companion files that the mapping names.
        reading: How it is to be read.
        progress, watch: Is told how far it is; is shown the rows on their way.

    Raises:
        ChangedError: the mapping is not the one that this ledger knows for this file; nothing was changed.
        MappingError: the mapping does not fit the columns.
        SourceError: the file cannot be read to its end; nothing of it counts.
    """
    companions, reading = companions or Companions(ledger), reading or Reading()
    identity = identity_of(source, reading)
    if before := staged_before(ledger, source, mapping, companions, identity):
        return Staged(before)
    failures = failures_in(ledger, source)
    columns = failures.user_columns if failures else source.columns
    mapper = mapping.bind(columns, companions.tables)
    companions.load(lambda: progress(0.0, 0))
    number = entry.begin_source(ledger, _described(source.name, identity, columns, mapping, mapper))
    rows = restored = 0
    unread = UnreadColumns(columns, mapper.columns_used)
    for chunk in source.chunks():
        if failures is None:
            own_rows = list(chunk.rows())
            unread.take(own_rows)
            batch = list(map(StagedRow, own_rows, mapper.apply_all(own_rows)))
        else:
            batch, cells = _corrected(ledger, failures, chunk.rows(), mapper, source.name, as_is=reading.as_is)
            restored += cells
        companions.note_keys(staged.row for staged in batch)
        if watch is not None:
            watch(batch)
        entry.add_rows(ledger, number, batch)
        rows += len(batch)
        progress(chunk.progress, rows)
    keep_last = mapping.keep_last and failures is None
    is_whole = failures is None
    counted = unread.filled if is_whole else ()
    entry.finish_source(ledger, number, companions.as_read(), unread=counted, whole=is_whole, keep_last=keep_last)
    return Staged(next(info for info in entry.sources(ledger) if info.id == number), restored)


class UnreadColumns:
    """Counts the filled cells of the columns of an export that the mapping does not read (``used`` are the others)."""

    def __init__(self, columns: Sequence[str], used: Collection[str]) -> None:
        self._width = len(columns)
        self._filled = {place: 0 for place, column in enumerate(columns) if column not in used}
        self._columns = columns
        self.rows = 0  #: How many rows were looked at.

    def take(self, rows: Iterable[Row]) -> None:
        """Look at the next rows; a row that does not fit the header says nothing about a column."""
        fitting = [row.cells for row in rows if len(row.cells) == self._width]
        self.rows += len(fitting)
        for place in self._filled:
            self._filled[place] += sum(1 for cells in fitting if cells[place] and not cells[place].isspace())

    @property
    def filled(self) -> list[tuple[str, int]]:
        """Each of them, in the order of the file, and how many of its cells are filled."""
        return [(self._columns[place], count) for place, count in self._filled.items()]


def identity_of(source: Reader, reading: Reading) -> str:
    """The same bytes read in another way are other rows; the sheet is in the fingerprint already."""
    fingerprint = source.fingerprint()
    options = {**reading.options, "as_is": reading.as_is or None}
    said = ((name, value) for name, value in sorted(options.items()) if value is not None and name != "sheet")
    given = "\0".join(f"{name}={value}" for name, value in said)
    return sha256(f"{fingerprint}\0{given}".encode()).hexdigest() if given else fingerprint


def _described(name: str, identity: str, columns: tuple[str, ...], mapping: Mapping, mapper: RowMapper) -> NewSource:
    return NewSource(
        name=name,
        sha256=identity,
        columns=columns,
        mapping_name=mapping.name,
        mapping_sha256=mapping.sha256,
        external_id_field=mapping.external_id_field,
        links=mapping.links,
        mapping_place=mapping.path_or_name,
        allowed=mapper.allowed,
    )


def staged_before(
    ledger: Ledger, source: Reader, mapping: Mapping, companions: Companions, identity: str
) -> SourceInfo | None:
    """The same source, if this ledger has it with the same mapping and companion files; None if it is to be read.

    Raises:
        ChangedError: its rows were made with another mapping.
    """
    same = [info for info in reversed(entry.sources(ledger)) if info.staged and info.sha256 == identity]
    if same and same[0].mapping_sha256 != mapping.sha256:
        retry = ["case-importer", "retry", "--ledger", str(ledger.path), "--mapping", mapping.path_or_name]
        raise ChangedError(
            f"the mapping changed since {same[0].name} was read; nothing was sent",
            where=mapping.name,
            hint="use the old mapping or a new --ledger; to use the new mapping for rows that are not cases, run:"
            f" {command_line(retry)}",
        )
    return next((info for info in same if companions.are_as(info.companions)), None)


def _corrected(
    ledger: Ledger, failures: FailuresFile, rows: Iterable[Row], mapper: RowMapper, name: str, *, as_is: bool
) -> tuple[list[StagedRow], int]:
    """Rows of a failures file, mapped; and how many cells were put back that only a spreadsheet had changed."""
    rows = list(rows)
    records = [failures.record(row, ledger.id, name=name) for row in rows]
    before = {} if as_is else entry.originals(ledger, (record for record in records if record is not None))
    own_rows, restored = [], 0
    for row, record in zip(rows, records, strict=True):
        own = failures.own_row(row)
        if record is not None and record in before:
            fixed = put_back(
                own,
                failures.user_columns,
                before[record],
                surplus=failures.surplus(row),
                in_workbook=failures.is_of_workbook(row),
            )
            own, restored = fixed.row, restored + fixed.put_back
        own_rows.append(own)
    named = _positioned(ledger, mapper, own_rows, records)
    return list(map(StagedRow, own_rows, mapper.apply_all(named), records)), restored


def _positioned(ledger: Ledger, mapper: RowMapper, rows: list[Row], records: Sequence[int | None]) -> list[Row]:
    """The rows with the numbers that they have in the export, if these are their keys; 0 for rows not from there."""
    if not mapper.by_position:
        return rows
    numbers = positions.in_export(ledger, (record for record in records if record is not None))
    return [row._replace(number=numbers.get(record or 0, 0)) for row, record in zip(rows, records, strict=True)]


def _as_read(old: UnsentRow, columns: int) -> Row:
    """What the reader found wrong is still true; what the mapping found must not outlive it."""
    of_reader = tuple(error for error in old.errors if error.is_of_reader)
    if len(old.cells) != columns and not of_reader:
        of_reader = old.errors[:1]
    return Row(old.row, old.cells, of_reader)
