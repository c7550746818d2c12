"""Makes the ledger that later programs must be able to open.

``PYTHONPATH=.:tests .venv/bin/python tests/ledger/make_version_file.py tests/ledger/version-1.db.gz``

It is made once for each version, by the program of that version, before a migration to the next one is added. A file
that is there is never made anew.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from pathlib import Path

from ledgers import do, filtered, invalid, mark_one, notes, settle_one, stage, valid, with_updates
from test_ledger_parents import child

from importer.ledger import Ledger
from importer.ledger.records import Outcome
from importer.models import Links, State


def main(target: Path) -> None:
    """A row in every state, an update of a case, a child that waits, and a case id that was reported twice."""
    assert not target.exists(), "what a released program wrote stays as it is"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.db")
        with Ledger(path, verb="run") as ledger:
            rows = [valid("pending"), invalid("invalid"), filtered("filtered"), with_updates("created", notes("later"))]
            stage(ledger, [*rows, *map(valid, ("refused", "unknown", "duplicate", "contested", "again", "sending"))])
            stage(ledger, [child("parent"), child("waiting", "parent")], sha256="2" * 64, links=Links("P"))
            created, contested = Outcome(State.CREATED, "77", 201), Outcome(State.CREATED, "78", 201)
            outcomes = [created, Outcome(State.REFUSED, None, 422), *[Outcome(State.UNKNOWN)] * 2, *[contested] * 2]
            for record, outcome in enumerate(outcomes, 4):
                do(ledger, lambda record=record: mark_one(ledger, record))
                do(ledger, lambda record=record, outcome=outcome: settle_one(ledger, record, State.SENDING, outcome))
            do(ledger, lambda: settle_one(ledger, 7, State.UNKNOWN, Outcome(State.DUPLICATE)))
            do(ledger, lambda: mark_one(ledger, 10))
        target.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
