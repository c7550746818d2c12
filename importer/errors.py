"""Everything that ends a run, and nothing that is wrong with one row.

A bad row is data (:class:`importer.models.FieldError`); a bad run is one of these exceptions. Each class carries the
exit code under which the command line ends; those that only one module raises are there. What a code means for the
help texts is in ``cli/help.py``, and a test compares the tables of the documents.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. A code that is not in this table means failure."""

    OK = 0
    USAGE = 2
    ROWS_FAILED = 3
    UNKNOWN_OUTCOME = 4
    TEMPORARY = 5
    DUPLICATE = 6
    TARGET = 7
    LEDGER = 8
    TOO_LONG = 10
    LOCKED = 11
    CHANGED_SHAPE = 12
    WRONG_MAPPING = 13
    INTERRUPTED = 130
    TERMINATED = 143


class CaseImporterError(Exception):
    """A run cannot go on. The text says what happened, to what, and what to do next.

    Args:
        what: One sentence: what is wrong.
        where: The place, such as ``tickets.csv:17`` or ``mapping.yml:4:9``; empty if there is none.
        hint: What the reader of the message can do about it.
    """

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        lines = [place + self.what, *([f"  hint: {self.hint}"] if self.hint else [])]
        return "\n".join(" ".join(line.splitlines()) for line in lines)  # a file name may have line breaks of its own


class ConfigError(CaseImporterError):
    """Flags, environment variables or a settings file contradict each other or are incomplete."""


class SourceError(CaseImporterError):
    """The export as a whole cannot be read: missing, empty, wrong encoding, unclosed quote, password."""


class EmptySourceError(SourceError):
    """There is nothing in the export, not even a header."""


class MappingError(CaseImporterError):
    """The mapping file is not valid, or names columns that the export does not have."""


class WrongMappingError(MappingError):
    """The mapping is valid, and cannot be meant for this export, which lacks most of what it reads."""

    exit_code = ExitCode.WRONG_MAPPING


class ChangedError(CaseImporterError):
    """The export or the mapping differs from the one this ledger was begun with."""


class TargetError(CaseImporterError):
    """The target is not usable: wrong address, refused credentials, or not the target of this ledger."""

    exit_code = ExitCode.TARGET


class OutageError(CaseImporterError):
    """The service did not answer for so long that the run ended; what is not sent is still pending."""

    exit_code = ExitCode.TEMPORARY


class ResourceError(CaseImporterError):
    """This machine has no memory or no file descriptors left; what is not sent is still pending."""

    exit_code = ExitCode.TEMPORARY


def no_descriptors() -> ResourceError:
    """The error of a process that can open no more files or connections."""
    hint = "raise the limit with `ulimit -n 4096`, then run the same command again"
    return ResourceError("no file descriptors left on this machine", hint=hint)


class ReportError(CaseImporterError):
    """The reports cannot be written; what was sent is in the ledger, and the same command again writes them."""

    exit_code = ExitCode.TEMPORARY


class CrossedError(CaseImporterError):
    """Answers came back to the wrong rows; nothing between here and the server can be trusted."""

    exit_code = ExitCode.UNKNOWN_OUTCOME


class TooManyFailuresError(CaseImporterError):
    """More rows failed than the user allows."""

    exit_code = ExitCode.ROWS_FAILED


class LedgerError(CaseImporterError):
    """The ledger cannot be read, or cannot be written durably. Nothing is sent without it."""

    exit_code = ExitCode.LEDGER


class LedgerLockedError(CaseImporterError):
    """Another process is running on the same ledger."""

    exit_code = ExitCode.LOCKED


class ChangedShapeError(CaseImporterError):
    """The export is so unlike the one of the baseline that there is nothing to look at."""

    exit_code = ExitCode.CHANGED_SHAPE
