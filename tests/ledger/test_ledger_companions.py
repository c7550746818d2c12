"""Rows of companion files: found by key while an export is read; those of no row stay, and go with its texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ledgers import new_source, stage, valid

from importer.ledger import Ledger, LedgerView, sources
from importer.ledger.companion_rows import CompanionRow, CompanionRows
from importer.ledger.contents import forget, shrink
from importer.ledger.lines import Orphan
from importer.ledger.records import CompanionFile
from importer.models import State

READ = CompanionFile("c.csv", "/x/c.csv", "2" * 64, ("Ticket", "Text"), rows=3, without_row=None, rows_without=None)
HALF = "no row has half \ud800"


def read(ledger: Ledger, *, whole: bool = True, finish: bool = True) -> int:
    """A source of two rows, A and B, with two companion files; A has an entry in the first one, and B in none."""
    companions = CompanionRows(ledger)
    for file in (0, 1):
        rows = [CompanionRow(7, ("B", HALF), b"Z", "Z"), CompanionRow(9, ("?",), None, "", "no_key", "no ticket")]
        companions.add(file, [CompanionRow(2, ("A", "one"), b"A" if file == 0 else b"Y", "A"), *rows])
    companions.index()
    assert companions.find(0, b"A") == [("A", "one", "2")]
    assert companions.find(1, b"A") == []
    source = stage(ledger, [valid("A"), valid("B")], finish=False)
    for file in (0, 1):
        companions.note_keys(file, [b"A", b"B"])
    if finish:
        sources.finish_source(ledger, source, [READ, replace(READ, file="d.csv")], whole=whole)
    companions.close()
    return source


def test_orphans_are_kept_with_their_source_as_they_were(path: Path) -> None:
    with Ledger(path, verb="run") as ledger:
        source = read(ledger)
        first, second = sources.sources(ledger)[0].companions
    assert first == replace(READ, without_row=2, rows_without=1)
    assert second == replace(READ, file="d.csv", without_row=3, rows_without=2)
    with LedgerView(path) as view:
        assert list(view.orphans(file=0)) == [
            Orphan(source, 0, 7, "Z", "no_row", "no row of the export has this key", ("B", HALF)),
            Orphan(source, 0, 9, "", "no_key", "no ticket", ("?",)),
        ]
        assert [orphan.row for orphan in view.orphans(file=1, most=2)] == [2, 7]


@pytest.mark.parametrize(("whole", "finish"), [(False, True), (True, False)])
def test_of_some_rows_of_an_export_nobody_knows_what_belongs_to_none(path: Path, whole: bool, finish: bool) -> None:
    """Those of a failures file, or of an export whose reading was cut short."""
    with Ledger(path, verb="run") as ledger:
        read(ledger, whole=whole, finish=finish)
        assert sources.sources(ledger)[0].companions == ((READ, replace(READ, file="d.csv")) if finish else ())
    with LedgerView(path) as view:
        assert list(view.orphans()) == []


def test_orphans_are_forgotten_with_the_texts_of_rows(path: Path) -> None:
    """They belong to no row, so no state keeps them; how many there were is still known."""
    with Ledger(path, verb="run") as ledger:
        read(ledger)
        forget(ledger, [State.CREATED])
        shrink(ledger)
    with LedgerView(path) as view:
        assert list(view.orphans()) == []
        assert view.sources()[0].companions[0].without_row == 2
    assert not any(b"no row has half" in file.read_bytes() for file in path.parent.iterdir())


def test_a_companion_file_that_was_replaced_takes_its_orphans_along(path: Path) -> None:
    with Ledger(path, verb="run") as ledger:
        source = read(ledger)
        other = replace(READ, file="d.csv", sha256="3" * 64)
        sources.adopt_mapping(ledger, source, new_source(mapping_sha256="9" * 64), [other, READ])
        read_now = sources.sources(ledger)[0].companions
    assert read_now == (other, replace(READ, without_row=2, rows_without=1))
    with LedgerView(path) as view:
        assert {orphan.file for orphan in view.orphans()} == {1}
