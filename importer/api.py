"""The public names: every verb of the command line as a function with a typed result, plain and as a coroutine."""

from __future__ import annotations

from importer.delivery.workers import Stop
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
from importer.mapping import Mapping, load_mapping
from importer.models import FieldError, State
from importer.pipeline.account import save_fields, save_fields_async, save_users, save_users_async
from importer.pipeline.checking import (
    CheckResult,
    check,
    check_async,
    preview,
    preview_async,
    suggest_mapping,
    suggest_mapping_async,
)
from importer.pipeline.ledger_verbs import (
    Forgotten,
    forget,
    forget_async,
    report,
    report_async,
    resolve,
    resolve_update,
    status,
    status_async,
)
from importer.pipeline.results import PreviewRow, RunResult, Status
from importer.pipeline.run import (
    rebuild,
    rebuild_async,
    reconcile,
    reconcile_async,
    retry,
    retry_async,
    run_import,
    run_import_async,
)
from importer.pipeline.verifying import VerifyResult, verify, verify_async
from importer.progress import Progress
from importer.report import ReportOptions
from importer.settings import Settings
from importer.settings_sources import load_settings

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
    "ReportOptions",
    "RunResult",
    "Settings",
    "SourceError",
    "State",
    "Status",
    "Stop",
    "TargetError",
    "VerifyResult",
    "check",
    "check_async",
    "forget",
    "forget_async",
    "load_mapping",
    "load_settings",
    "preview",
    "preview_async",
    "rebuild",
    "rebuild_async",
    "reconcile",
    "reconcile_async",
    "report",
    "report_async",
    "resolve",
    "resolve_update",
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
    "verify",
    "verify_async",
]
