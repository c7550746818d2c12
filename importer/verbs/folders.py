"""Where the ledger and the reports of an import are."""

from __future__ import annotations

import os
from pathlib import Path

from importer.errors import ConfigError
from importer.failures.columns import FILE_NAME
from importer.ledger.database import open_read_only
from importer.models import StrPath


def folder_of_reports(source: object, out: StrPath | None) -> Path:
    """Where the reports of an import go, and its ledger: by default a folder named after the export.

    Raises:
        ConfigError: they would replace the failures file that is to be read, fixes and all.
    """
    path = Path(source) if isinstance(source, str | os.PathLike) else Path("dataframe")
    folder = Path(out) if out is not None else Path(f"{path.name.split('.', 1)[0] or 'export'}-import")
    if FILE_NAME.fullmatch(path.name) and path.resolve().parent == folder.resolve():
        raise ConfigError(
            "the reports of this run would replace the file that it reads",
            where=str(path),
            hint="choose another folder for the reports with --out, and keep --ledger",
        )
    return folder


def existing_ledger(ledger: StrPath) -> Path:
    """The path of a ledger, which must exist: one must not be made by accident.

    Raises:
        LedgerError: there is no ledger at this path.
    """
    path = Path(ledger)
    open_read_only(path).close()
    return path
