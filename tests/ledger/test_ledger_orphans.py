"""Notes of second files that belong to no row: kept with their source, and gone with a reading that was cut short."""

from __future__ import annotations

from pathlib import Path

from ledgers import stage, valid

from importer.ledger import Ledger, LedgerView, NotesRead, OrphanNote, staging
from importer.ledger.forget import forget, shrink
from importer.ledger.orphans import add_orphans, orphans
from importer.models import State

READ = NotesRead("c.csv", "/x/c.csv", "2" * 64, ("Ticket", "Text"), rows=3, without_row=1, rows_without=0)


def orphan(source: int, *, row: int = 2, file: int = 0) -> OrphanNote:
    return OrphanNote(source, file, row, "K9", "no_row", "no row has this key", ("K9", "half \ud800"))


def test_orphans_are_kept_with_their_source_as_they_were(path: Path) -> None:
    with Ledger(path, verb="run") as ledger:
        source = stage(ledger, [valid("A")], finish=False)
        kept = [orphan(source, row=number, file=number % 2) for number in range(5_000)]
        assert add_orphans(ledger, iter(kept)) == 5_000
        staging.finish_source(ledger, source, [READ])
        assert staging.sources(ledger)[0].notes == (READ,)
    with LedgerView(path) as view:
        assert list(orphans(view)) == kept
        assert list(orphans(view, file=1, most=2)) == [kept[1], kept[3]]


def test_orphans_of_a_reading_that_was_cut_short_are_gone(path: Path) -> None:
    with Ledger(path, verb="run") as ledger:
        cut = stage(ledger, [valid("A")], finish=False)
        add_orphans(ledger, [orphan(cut)])
        with LedgerView(path) as view:
            assert list(orphans(view)) == [], "it does not count yet"
        source = stage(ledger, [valid("A")], finish=False)
        add_orphans(ledger, [orphan(source, row=7)])
        staging.finish_source(ledger, source, [READ])
    with LedgerView(path) as view:
        assert [found.row for found in orphans(view)] == [7]


def test_orphans_are_forgotten_with_the_texts_of_rows(path: Path) -> None:
    """They belong to no row, so no state keeps them; how many there were is still known."""
    with Ledger(path, verb="run") as ledger:
        source = stage(ledger, [valid("A")], finish=False)
        add_orphans(ledger, [orphan(source)])
        staging.finish_source(ledger, source, [READ])
        forget(ledger, [State.CREATED])
        shrink(ledger)
    with LedgerView(path) as view:
        assert (list(orphans(view)), view.sources()[0].notes) == ([], (READ,))
    assert not any(b"no row has this key" in file.read_bytes() for file in path.parent.iterdir())
