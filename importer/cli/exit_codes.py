"""What each exit code means: the same words in the help and on the pages."""

from __future__ import annotations

from importer.errors import ExitCode

MEANINGS = {
    ExitCode.OK: "all rows are cases (or were before this run)",
    ExitCode.USAGE: "invalid usage, settings, mapping or file; nothing was sent",
    ExitCode.ROWS_FAILED: "finished, but some rows are invalid or refused",
    ExitCode.UNKNOWN_OUTCOME: "finished, but some rows have an unknown outcome: run reconcile",
    ExitCode.TEMPORARY: "temporary failure: run the same command again",
    ExitCode.DUPLICATE: "a row has two or more cases: run resolve",
    ExitCode.TARGET: "wrong target, or missing permission to create cases",
    ExitCode.LEDGER: "the ledger cannot be read or written",
    ExitCode.TOO_LONG: "rehearse: the estimate is longer than --must-finish-in",
    ExitCode.LOCKED: "another run is using the ledger",
    ExitCode.CHANGED_SHAPE: "check: the file differs from the baseline",
    ExitCode.INTERRUPTED: "interrupted (143: terminated); run the same command again",
}


def epilog() -> str:
    """The table at the end of the help."""
    lines = "\n".join(f"  {int(code):<4} {meaning}" for code, meaning in MEANINGS.items())
    return f"\b\nExit codes:\n{lines}\nAny other code is an internal error."
