"""What ``--json`` prints: the same facts as the words, as JSON-ready values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from importer.fixing import Fix
    from importer.ledger import CauseCount
    from importer.rehearse import Rehearsal
    from importer.report import Reports
    from importer.results import CheckResult, PreviewRow, RunResult, Status
    from importer.survey.notes import NotesUse
    from importer.survey.suggestions import Suggestion


def causes_shape(causes: Iterable[CauseCount]) -> list[dict[str, Any]]:
    """Causes, most frequent first."""
    return [cause._asdict() for cause in causes]


def check_shape(result: CheckResult) -> dict[str, Any]:
    """A check."""
    found = result.found
    return {
        "source": result.source,
        "mapping": result.mapping,
        "balance": result.balance.as_dict(),
        "causes": causes_shape(result.causes),
        "groups": [group._asdict() for group in found.groups],
        "suggestions": [_suggestion(suggestion) for suggestion in found.suggestions],
        "damage": [finding._asdict() for finding in found.damage],
        "tables": [use._asdict() for use in found.tables],
        "lengths": [use._asdict() for use in found.lengths],
        "columns": [use._asdict() for use in found.columns],
        "choices": [choice._asdict() for choice in found.choices],
        "near_twins": [twins._asdict() for twins in found.near_twins],
        "near_twins_count": found.near_twins_count,
        "note_files": [_notes_use(use) for use in found.notes],
        "changes": [change._asdict() for change in result.changes],
        "notes": list(result.notes),
        "put_back": result.put_back,
        "seconds": round(result.seconds, 3),
        "exit_code": int(result.exit_code),
    }


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    entries = [entry._asdict() for entry in suggestion.entries]
    return {**suggestion._asdict(), "codes": sorted(suggestion.codes), "entries": entries}


def _notes_use(use: NotesUse) -> dict[str, Any]:
    return {
        **use._asdict(),
        "orphans": [orphan._asdict() for orphan in use.orphans],
        "columns": [column._asdict() for column in use.columns],
        "damage": [finding._asdict() for finding in use.damage],
    }


def fix_shape(fix: Fix) -> dict[str, Any]:
    """What ``check --fix`` wrote."""
    return {
        "path": None if fix.path is None else str(fix.path),
        "backup": None if fix.backup is None else str(fix.backup),
        "diff": fix.diff,
        "open": fix.open,
    }


def reports_shape(reports: Reports) -> dict[str, Any]:
    """Where reports are, and their books."""
    return {
        "balance": reports.balance.as_dict(),
        "notes_that_follow": reports.balance.following._asdict(),
        "causes": causes_shape(reports.causes),
        "requests": reports.requests,
        "half_read": list(reports.half_read),
        "results": str(reports.results),
        "failures": [str(path) for path in reports.failures],
        "summary": str(reports.summary),
        "orphans": [str(path) for path in reports.orphans],
        "note_files": [notes._asdict() for notes in reports.notes],
        "open_notes": None if reports.open_notes is None else str(reports.open_notes),
    }


def run_shape(result: RunResult) -> dict[str, Any]:
    """A run or a retry."""
    error = result.error
    return {
        **reports_shape(result.reports),
        "source": result.source,
        "mapping": result.mapping,
        "target": result.target,
        "ledger": str(result.ledger),
        "moved": {state.value: count for state, count in result.moved.items()},
        "notes": list(result.notes),
        "put_back": result.put_back,
        "seconds": round(result.seconds, 3),
        "error": None if error is None else {"what": error.what, "where": error.where, "hint": error.hint},
        "exit_code": int(result.exit_code),
    }


def rehearsal_shape(rehearsal: Rehearsal) -> dict[str, Any]:
    """A rehearsal and its forecast."""
    run = run_shape(rehearsal.run)
    return {
        "balance": run["balance"],
        "notes_that_follow": run["notes_that_follow"],
        "causes": run["causes"],
        "profile": rehearsal.profile,
        "requests": rehearsal.requests,
        "rate": rehearsal.rate,
        "forecast_seconds": round(rehearsal.forecast, 1),
        "window_seconds": rehearsal.window,
        "fits": rehearsal.fits,
        "error": run["error"],
        "exit_code": int(rehearsal.exit_code),
    }


def status_shape(status: Status) -> dict[str, Any]:
    """A ledger."""
    return {
        "ledger": status.ledger_id,
        "target": status.target,
        "sources": [
            {**source._asdict(), "notes": [notes._asdict() for notes in source.notes]} for source in status.sources
        ],
        "half_read": list(status.half_read),
        "balance": status.balance.as_dict(),
        "notes_that_follow": status.balance.following._asdict(),
        "causes": causes_shape(status.causes),
        "requests": status.requests,
        "refusals": {str(code): count for code, count in status.refusals.items()},
    }


def preview_line(row: PreviewRow) -> str:
    """One row of a preview as one line of JSON; the bodies are exactly what would be sent."""
    errors = [error._asdict() for error in row.errors]
    parent = {"parent": {"name": row.parent, "row": row.parent_row}} if row.parent is not None else {}
    said = {"row": row.row, "key": row.key, "errors": errors, "left_out": row.left_out, **parent}
    head = orjson.dumps(said).decode()
    body = "null" if row.body is None else row.body.decode()
    additions = f',"additions":[{b",".join(row.additions).decode()}]' if row.additions else ""
    return f'{head[:-1]},"body":{body}{additions}}}'
