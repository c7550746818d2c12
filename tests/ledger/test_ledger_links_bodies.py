"""What hangs on the body of a child: cells that lean on it, and notes that follow its case."""

from __future__ import annotations

import orjson
from ledgers import case_body, following, notes, row_of, stage
from test_ledger_links import LINKS, body_of, states
from test_ledger_tree import child, create

from importer.ledger import Ledger, StagedRow
from importer.ledger.packing import unpacked_cells
from importer.models import Link, Mapped, Row

SMOKE = "It burns, and nobody knows why it does so at all."


def leaning(key: str, parent: str, **more: object) -> StagedRow:
    """A child whose long cell is kept in its body only."""
    mapped = Mapped(key, case_body(key, description=SMOKE), link=Link(None, parent))
    return StagedRow(Row(3, (key, SMOKE)), mapped, **more)


def cells_of(ledger: Ledger, record: int) -> tuple[bytes, tuple[str, ...]]:
    """As they lie there, and as they were read."""
    kept, body = ledger.connection.execute("SELECT cells, body FROM content WHERE record = ?", (record,)).fetchone()
    return kept, unpacked_cells(kept, body)


def test_the_id_of_the_parent_moves_no_cell(ledger: Ledger) -> None:
    stage(ledger, [child("A"), leaning("B", "A")], links=LINKS)
    before, cells = cells_of(ledger, 2)
    assert before.startswith(b" ")
    assert cells == ("B", SMOKE)
    create(ledger, "A")
    after, cells = cells_of(ledger, 2)
    assert after.startswith(b" ")
    assert cells == ("B", SMOKE)
    assert orjson.loads(body_of(ledger, "B"))["parent_id"] == "case A"


def test_a_row_that_loses_its_body_keeps_its_cells(ledger: Ledger) -> None:
    stage(ledger, [leaning("B", "nobody")], links=LINKS)
    assert states(ledger) == "B invalid"
    kept, cells = cells_of(ledger, 1)
    assert not kept.startswith(b" ")
    assert cells == ("B", SMOKE)


def with_notes(key: str, parent: str, *texts: str) -> StagedRow:
    """A child with notes that follow its case, each by an update of its own."""
    more = following(key, *(notes(text) for text in texts))
    return more._replace(mapped=more.mapped._replace(link=Link(None, parent)))


def test_a_row_that_loses_its_body_loses_the_notes_that_were_to_follow(ledger: Ledger) -> None:
    stage(ledger, [child("A"), with_notes("B", "A", "one", "two"), with_notes("C", "nobody", "three")], links=LINKS)
    assert states(ledger) == "A pending, B waiting, C invalid"
    kept = ledger.connection.execute("SELECT record, part FROM addition ORDER BY record, part").fetchall()
    assert kept == [(2, 1), (2, 2)]


def test_a_child_is_another_row_if_other_notes_follow(ledger: Ledger) -> None:
    stage(ledger, [child("A"), with_notes("B", "A", "one"), with_notes("C", "A", "one")], links=LINKS)
    for key in ("A", "B", "C"):
        create(ledger, key)
    again = [with_notes("B", "A", "one"), with_notes("C", "A", "two")]
    stage(ledger, again, sha256="2" * 64, links=LINKS)
    assert [row_of(ledger, key)["code"] for key in "BC"] == ["already_created", "changed"]
