"""Pass 1: read, map and validate a whole source into the ledger. Touches no network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import ChangedError, MappingError
from importer.ledger import CompanionFile, Ledger, NewSource, SourceInfo, StagedRow
from importer.ledger import sources as entry
from importer.models import Mapped, Row, State
from importer.pipeline.companions import Beside, Companions, StrPath, open_companions
from importer.report.failures_file import FailuresFile, failures_file_of
from importer.report.put_back import Corrected, put_back

if TYPE_CHECKING:
    from importer.ledger.values import UnsentRow
    from importer.mapping import Mapping, RowMapper
    from importer.reader import Reader, ReadingOptions

#: Told the share of the source that has been read (0 to 1) and the rows so far; may raise to stop the reading.
Progress = Callable[[float, int], None]

#: Is shown every batch of rows once it is mapped, before it is entered.
Watch = Callable[[Sequence[StagedRow]], None]

_BATCH = 2000
#: Not waiting rows: either what they wait for is unfinished, or they wait for a row that somebody must correct.
_UNFINISHED = (State.PENDING, State.SENDING, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the user said that an export is to be read.

    Attributes:
        options: Encoding, delimiter: the same bytes read otherwise are other rows.
        accept_changes: Read a file of a known name although its content changed and rows of it are unfinished.
        as_is: Take the cells of a failures file as they stand, also those that only a spreadsheet has changed.
    """

    options: ReadingOptions = field(default_factory=dict)  # type: ignore[assignment]
    accept_changes: bool = False
    as_is: bool = False


@dataclass(frozen=True, slots=True)
class Staged:
    """A source that is in the ledger.

    Attributes:
        source: It.
        put_back: Cells of a failures file that only a spreadsheet had changed, if it was read just now.
    """

    source: SourceInfo
    put_back: int = 0


def stage_export(
    ledger: Ledger,
    source: Reader,
    mapping: Mapping,
    beside: Beside,
    *,
    reading: Reading | None = None,
    progress: Progress,
) -> Staged:
    """As :func:`stage_source`, with the companion files that lie ``beside`` the export.

    Raises:
        CaseImporterError: see :func:`importer.pipeline.companions.open_companions` and :func:`stage_source`.
    """
    known = companions_known(source, entry.sources(ledger))
    with open_companions(ledger, mapping, beside, known=known) as companions:
        return stage_source(ledger, source, mapping, companions=companions, reading=reading, progress=progress)


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
        ledger: Where to.
        source: The export.
        mapping: Makes payloads of its rows.
        companions: The companion files that the mapping names.
        reading: How it is to be read.
        progress: Is told how far it is.
        watch: Is shown the rows on their way.

    Raises:
        ChangedError: the file or the mapping is not the one that this ledger knows; nothing was changed.
        MappingError: the mapping does not fit the columns.
        SourceError: the file cannot be read to its end; nothing of it counts.
    """
    known, companions, reading = entry.sources(ledger), companions or Companions(), reading or Reading()
    identity = _identity(source, reading)
    same = [info for info in reversed(known) if info.staged and info.sha256 == identity]
    if same:
        _refuse_changed_mapping(ledger, same[0], mapping)
        if before := next((info for info in same if companions.are_as(info.companions)), None):
            return Staged(before)
    if not reading.accept_changes:
        _refuse_changed_source(ledger, known, source, what="the notes beside it have" if same else "the file has")
    return _read(
        ledger, source, mapping, companions, identity=identity, as_is=reading.as_is, progress=progress, watch=watch
    )


def _identity(source: Reader, reading: Reading) -> str:
    """The same bytes read in another way are other rows; the sheet is in the fingerprint already."""
    fingerprint = source.fingerprint()
    options = {**reading.options, "as_is": reading.as_is}
    said = "\0".join(f"{name}={value}" for name, value in sorted(options.items()) if value and name != "sheet")
    return sha256(f"{fingerprint}\0{said}".encode()).hexdigest() if said else fingerprint


def _refuse_changed_mapping(ledger: Ledger, info: SourceInfo, mapping: Mapping) -> None:
    if info.mapping_sha256 == mapping.sha256:
        return
    raise ChangedError(
        f"the mapping is not the one that {info.name} was read with; nothing was sent",
        where=mapping.name,
        hint=f"to send the rows that did not succeed under the new mapping, run:"
        f" case-importer retry --ledger {ledger.path} --mapping {mapping.name}"
        "\n  (or give the old mapping, or begin anew with another --ledger)",
    )


def _refuse_changed_source(ledger: Ledger, known: list[SourceInfo], source: Reader, *, what: str) -> None:
    for info in known:
        if info.staged and info.name == source.name:
            counts = ledger.counts(info.id)
            unfinished = sum(counts[state] for state in _UNFINISHED)
            if unfinished:
                raise ChangedError(
                    f"{what} changed since this ledger read it, and {unfinished} rows of it are not finished;"
                    " nothing was sent",
                    where=source.name,
                    hint=f"finish them first with: case-importer retry --ledger {ledger.path}"
                    "\n  or read the changed file as well with --accept-changes (no key becomes two cases)",
                )


def _read(
    ledger: Ledger,
    source: Reader,
    mapping: Mapping,
    companions: Companions,
    *,
    identity: str,
    as_is: bool,
    progress: Progress,
    watch: Watch | None,
) -> Staged:
    failures = failures_file_of(source.columns)
    columns = failures.user_columns if failures else source.columns
    mapper = mapping.bind(columns, companions.tables)
    companions.load(lambda: progress(0.0, 0))
    new = NewSource(
        name=source.name,
        sha256=identity,
        columns=columns,
        mapping_name=mapping.name,
        mapping_sha256=mapping.sha256,
        external_id_field=mapping.external_id_field,
        links=mapping.links,
    )
    number = entry.begin_source(ledger, new)
    rows = restored = 0
    for chunk in source.chunks():
        if failures is None:
            own_rows = list(chunk.rows())
            batch = list(map(StagedRow, own_rows, mapper.apply_all(own_rows)))
        else:
            corrected = _corrected(ledger, failures, list(chunk.rows()), name=source.name, as_is=as_is)
            own_rows = [own.row for own, _ in corrected]
            records = [record for _, record in corrected]
            batch = list(map(StagedRow, own_rows, mapper.apply_all(own_rows), records))
            restored += sum(own.put_back for own, _ in corrected)
        companions.note_keys([staged.row for staged in batch])
        if watch is not None:
            watch(batch)
        entry.add_rows(ledger, number, batch)
        rows += len(batch)
        progress(chunk.progress, rows)
    entry.finish_source(ledger, number, companions.as_read(), whole=failures is None)
    return Staged(next(info for info in entry.sources(ledger) if info.id == number), restored)


def _corrected(
    ledger: Ledger, failures: FailuresFile, rows: Sequence[Row], *, name: str, as_is: bool
) -> list[tuple[Corrected, int | None]]:
    """Rows of a failures file with the record that each corrects; what a person did not change is as it was."""
    records = [failures.record(row, ledger.id, name=name) for row in rows]
    known = {} if as_is else entry.originals(ledger, (record for record in records if record is not None))
    corrected = []
    for row, record in zip(rows, records, strict=True):
        own = failures.own_row(row)
        if record is not None and record in known:
            restored = put_back(own, failures.user_columns, known[record], surplus=failures.surplus(row))
        else:
            restored = Corrected(own)
        corrected.append((restored, record))
    return corrected


def remap_all(ledger: Ledger, mapping: Mapping, *, states: Collection[State], notes: Iterable[StrPath] = ()) -> None:
    """Map all rows anew that stand in one of the states, with the companion files that they were read with.

    Raises:
        CaseImporterError: see :func:`importer.pipeline.companions.open_companions` and :func:`remap_source`.
    """
    for info in entry.sources(ledger):
        if info.staged and entry.unsent_rows(ledger, info.id, states=states, after=0, limit=1):
            folder = Path(info.companions[0].path).parent if info.companions else Path()
            with open_companions(ledger, mapping, Beside(folder, notes), known=info.companions) as companions:
                remap_source(ledger, info, mapping, states=states, companions=companions)


def remap_source(
    ledger: Ledger,
    info: SourceInfo,
    mapping: Mapping,
    *,
    states: Collection[State],
    companions: Companions | None = None,
) -> int:
    """Map rows of a source anew that never reached the server; returns how many there were.

    Raises:
        MappingError: the mapping does not fit the columns, or puts the external id into another field.
    """
    field = mapping.external_id_field
    if info.external_id_field != field and any(
        ledger.counts(info.id)[state] for state in (State.CREATED, State.UNKNOWN)
    ):
        raise MappingError(
            f"the external id field is {field!r}, but cases of this import have it in {info.external_id_field!r}",
            where=mapping.name,
            hint="keep the field: without it these cases cannot be found",
        )
    companions = companions or Companions()
    mapper = mapping.bind(info.columns, companions.tables)
    companions.load(lambda: None)
    total, last = 0, 0
    returned: list[int] = []
    while page := entry.unsent_rows(ledger, info.id, states=states, after=last, limit=_BATCH):
        remapped = [(old, _map_again(old, mapper, len(info.columns))) for old in page]
        entry.remap(ledger, info.id, remapped)
        returned += [old.id for old, mapped in remapped if old.state is State.SKIPPED and mapped.left_out is None]
        total, last = total + len(page), page[-1].id
    entry.let_others_answer(ledger, returned)
    entry.adopt_mapping(
        ledger,
        info.id,
        name=mapping.name,
        sha256=mapping.sha256,
        external_id_field=mapping.external_id_field,
        companions=companions.as_read(),
        links=mapping.links,
    )
    return total


def _map_again(old: UnsentRow, mapper: RowMapper, columns: int) -> Mapped:
    found_by_reader = tuple(error for error in old.errors if error.target is None and error.code not in _MAPPING_CODES)
    if len(old.cells) != columns and not found_by_reader:
        found_by_reader = old.errors[:1]
    return mapper.apply(Row(old.row, old.cells, found_by_reader))


#: Errors without a target that the mapping finds itself, so they must not outlive it.
_MAPPING_CODES = frozenset({"missing_key"})


def columns_mapped(source: Reader) -> tuple[str, ...]:
    """The columns that a mapping is bound to: those of the export, without what a failures file has beside them."""
    failures = failures_file_of(source.columns)
    return failures.user_columns if failures else source.columns


def companions_known(source: Reader, known: Sequence[SourceInfo]) -> list[CompanionFile]:
    """Where the companion files were that the rows of a failures file were read with; nothing for any other source."""
    if failures_file_of(source.columns) is None:
        return []
    return [file for info in reversed(known) for file in info.companions]


def preview_rows(
    source: Reader, mapping: Mapping, count: int, *, companions: Companions | None = None
) -> list[tuple[Row, Mapped]]:
    """The first ``count`` rows and what the mapping makes of them; without ``companions``, their notes are left out.

    Raises:
        MappingError: the mapping does not fit the columns.
        SourceError: the file cannot be read.
    """
    mapper = mapping.bind(columns_mapped(source), companions.tables if companions else None)
    if companions is not None:
        companions.load(lambda: None)
    return [(row, mapper.apply(row)) for row in islice(_own_rows(source), count)]


def rows_named(source: Reader, mapping: Mapping, names: Collection[str]) -> dict[str, int]:
    """Where the rows stand that other rows call by these names; the source is read until all of them are found.

    Raises:
        SourceError: the file cannot be read.
    """
    found: dict[str, int] = {}
    mapper = mapping.bind(columns_mapped(source))
    rows = _own_rows(source)
    while len(found) < len(names) and (row := next(rows, None)) is not None:
        link = mapper.link(row)
        if link is None:
            continue
        name = mapper.key(row) if link.name is None else link.name
        if name in names:
            found.setdefault(name, row.number)
    return found


def _own_rows(source: Reader) -> Iterator[Row]:
    """The rows of an export, or the user's own part of the rows of a failures file."""
    failures = failures_file_of(source.columns)
    return (failures.own_row(row) if failures else row for chunk in source.chunks() for row in chunk.rows())
