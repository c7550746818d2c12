"""Bulk import of helpdesk exports into Talkdesk cases: nothing lost, nothing twice.

Every verb of the command line is a function here, with a typed result; a DataFrame may be given instead of a file::

    from importer import Settings, run_import

    result = run_import("tickets.csv", "zendesk", settings=Settings(region="eu", account="acme", rate=10))
    print(result.totals, result.exit_code)

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from importer.version import __version__

if TYPE_CHECKING:
    from importer.account import save_fields, save_fields_async, save_users, save_users_async
    from importer.books import report, report_async, resolve, resolve_notes, status, status_async
    from importer.delivery.pool import Stop
    from importer.errors import (
        CaseImporterError,
        ChangedError,
        ChangedShapeError,
        ConfigError,
        ExitCode,
        LedgerError,
        LedgerLockedError,
        MappingError,
        SourceError,
        TargetError,
    )
    from importer.forgetting import Forgotten, forget, forget_async
    from importer.look import (
        CheckResult,
        check,
        check_async,
        preview,
        preview_async,
        suggest_mapping,
        suggest_mapping_async,
    )
    from importer.mapping import Mapping, load_mapping
    from importer.models import FieldError, State
    from importer.progress import Progress
    from importer.results import PreviewRow, RunResult, Status
    from importer.run import (
        reconcile,
        reconcile_async,
        retry,
        retry_async,
        run_import,
        run_import_async,
    )
    from importer.settings import Settings
    from importer.settings_sources import load_settings

_HOMES = {
    "importer.account": ("save_fields", "save_fields_async", "save_users", "save_users_async"),
    "importer.books": ("report", "report_async", "resolve", "resolve_notes", "status", "status_async"),
    "importer.settings": ("Settings",),
    "importer.settings_sources": ("load_settings",),
    "importer.delivery.pool": ("Stop",),
    "importer.errors": (
        "CaseImporterError",
        "ChangedError",
        "ChangedShapeError",
        "ConfigError",
        "ExitCode",
        "LedgerError",
        "LedgerLockedError",
        "MappingError",
        "SourceError",
        "TargetError",
    ),
    "importer.forgetting": ("Forgotten", "forget", "forget_async"),
    "importer.mapping": ("Mapping", "load_mapping"),
    "importer.progress": ("Progress",),
    "importer.models": ("FieldError", "State"),
    "importer.results": ("PreviewRow", "RunResult", "Status"),
    "importer.look": (
        "CheckResult",
        "check",
        "check_async",
        "preview",
        "preview_async",
        "suggest_mapping",
        "suggest_mapping_async",
    ),
    "importer.run": (
        "reconcile",
        "reconcile_async",
        "retry",
        "retry_async",
        "run_import",
        "run_import_async",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "CaseImporterError",
    "ChangedError",
    "ChangedShapeError",
    "CheckResult",
    "ConfigError",
    "ExitCode",
    "FieldError",
    "Forgotten",
    "LedgerError",
    "LedgerLockedError",
    "Mapping",
    "MappingError",
    "PreviewRow",
    "Progress",
    "RunResult",
    "Settings",
    "SourceError",
    "State",
    "Status",
    "Stop",
    "TargetError",
    "__version__",
    "check",
    "check_async",
    "forget",
    "forget_async",
    "load_mapping",
    "load_settings",
    "preview",
    "preview_async",
    "reconcile",
    "reconcile_async",
    "report",
    "report_async",
    "resolve",
    "resolve_notes",
    "retry",
    "retry_async",
    "run_import",
    "run_import_async",
    "save_fields",
    "save_fields_async",
    "save_users",
    "save_users_async",
    "status",
    "status_async",
    "suggest_mapping",
    "suggest_mapping_async",
]
