"""The short form of a report, for machines: what was read, where every row stands, and why."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from importer.errors import ExitCode
from importer.ledger import LedgerView
from importer.report.balance import Balance, balance_of
from importer.report.files import whole_file
from importer.version import __version__


def summary_of(view: LedgerView, balance: Balance | None = None) -> dict[str, Any]:
    """Everything that a script may want to know about an import, as JSON-ready values."""
    ledger_id, target = view.identity()
    balance = balance or balance_of(view)
    return {
        "case_importer": __version__,
        "ledger": ledger_id,
        "target": target,
        "sources": [
            {
                "name": source.name,
                "sha256": source.sha256,
                "rows": source.rows,
                "mapping": source.mapping_name,
                "mapping_sha256": source.mapping_sha256,
                "note_files": [asdict(notes) for notes in source.companions],
            }
            for source in view.sources()
        ],
        "half_read": view.half_read(),
        "balance": balance.as_dict(),
        "notes_that_follow": balance.following._asdict(),
        "requests": view.requests(),
        "causes": [
            {
                "state": cause.state.value,
                "code": cause.code,
                "rows": cause.records,
                "first_row": cause.first_row,
                "example": cause.example,
            }
            for cause in view.causes()
        ],
        "links_not_made": [asdict(count) for count in view.unlinked()],
        "exit_code": int(balance.exit_code),
        "meaning": ExitCode(balance.exit_code).name.lower(),
    }


def write_summary(view: LedgerView, path: Path) -> None:
    """Write :func:`summary_of` as indented JSON."""
    text = orjson.dumps(summary_of(view), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    with whole_file(path) as file:
        file.write(text.decode())
