"""Maps the rows of a ledger again that were never sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import MappingError
from importer.intake.companions import Companions, open_companions, refuse_misfit
from importer.intake.staging import _BATCH, _as_read, _described, _positioned
from importer.ledger import Ledger, positions
from importer.ledger import sources as entry
from importer.ledger.records import SourceInfo
from importer.models import State, StrPath

if TYPE_CHECKING:
    from importer.mapping import Mapping


def remap_all(
    ledger: Ledger,
    mapping: Mapping,
    *,
    states: Collection[State],
    notes: Iterable[StrPath] = (),
    between: Callable[[], None] = lambda: None,
) -> None:
    """Map all rows in one of the states again, with the companion files that they were read with.

    ``between`` is called before each batch and may raise to stop; the same call maps all of them again.

    Raises:
        MappingError: the mapping does not fit the columns, or puts the external id into another field.
        CaseImporterError: see :func:`importer.intake.companions.open_companions`.
    """
    if mapping.position and (exports := positions.count_exports(ledger)) > 1:
        what = f"`position` identifies the rows of one file, and this ledger has those of {exports}"
        raise MappingError(
            what, where=mapping.name, hint="import each file again, with a mapping and a ledger for it alone"
        )
    for info in entry.sources(ledger):
        if info.staged and entry.unsent_rows(ledger, info.id, states=states, after=0, limit=1):
            folder = Path(info.companions[0].path).parent if info.companions else Path()
            with open_companions(ledger, mapping, folder, notes, known=info.companions) as companions:
                _remap(ledger, info, mapping, states, companions, between=between)


def _remap(
    ledger: Ledger,
    info: SourceInfo,
    mapping: Mapping,
    states: Collection[State],
    companions: Companions,
    *,
    between: Callable[[], None],
) -> None:
    """Map the rows of one source again that never reached the server."""
    new, old = mapping.external_id_field, info.external_id_field
    counts = ledger.counts(info.id)
    if new != old and (counts[State.CREATED] or counts[State.UNKNOWN]):
        raise MappingError(
            f"`external_id_field` is {new!r}, but cases of this import have it in {old!r}",
            where=mapping.name,
            hint="keep the old `external_id_field`; without it, cases cannot be looked up",
        )
    refuse_misfit(mapping, info.columns, name=info.name)
    mapper = mapping.bind(info.columns, companions.tables)
    companions.load(between)
    last, revived, returned = 0, list[int](), list[int]()
    while page := entry.unsent_rows(ledger, info.id, states=states, after=last, limit=_BATCH):
        between()
        read = [_as_read(row, len(info.columns)) for row in page]
        read = _positioned(ledger, mapper, read, [row.id for row in page])
        remapped = list(zip(page, mapper.apply_all(read), strict=True))
        entry.remap(ledger, info.id, remapped)
        revived += [row.id for row in page if row.state in (State.INVALID, State.SKIPPED)]
        returned += [row.id for row, mapped in remapped if row.state is State.SKIPPED and mapped.filtered_by is None]
        last = page[-1].id
    entry.let_others_answer(ledger, returned)
    described = _described(info.name, info.sha256, info.columns, mapping, mapper)
    counted = dict(info.unread)
    unread = [(column, counted.get(column)) for column in mapping.unread(info.columns)]
    entry.adopt_mapping(ledger, info.id, described, companions.as_read(), unread=unread, revived=revived)
