"""The SQLite file under the ledger: opened carefully, written durably, never trusted blindly."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from importer.errors import LedgerError

SCHEMA_VERSION = 2
_SCHEMA = Path(__file__).with_name("schema.sql")

#: Milliseconds for which a lock of somebody else is waited for.
_BUSY_MS = 5000
#: Pages in the log from which on it is folded into the file.
_LOG_PAGES = 1000

_GIVE_LEDGER = "give the ledger of the import with --ledger"

#: What SQLite says, in words for the person who has to put it right. Checked in this order, by prefix.
_TROUBLE = (
    ("SQLITE_FULL", "the disk is full", "make room, then run the same command again"),
    (
        "SQLITE_READONLY",
        "the ledger is write-protected",
        "make it writable, or use another --ledger",
    ),
    ("SQLITE_CANTOPEN", "the ledger cannot be opened", "check that the folder exists and that you may write to it"),
    ("SQLITE_CORRUPT", "the ledger is damaged", "restore it from a backup; do not send anything without it"),
    ("SQLITE_NOTADB", "this file is not a ledger", _GIVE_LEDGER),
    ("SQLITE_IOERR", "the disk reported an error", "check the disk, then run the same command again"),
    ("SQLITE_BUSY", "another program holds the ledger", "close the program that has the ledger open, then run again"),
)


def ledger_error(error: sqlite3.Error, path: Path) -> LedgerError:
    """Translate what SQLite reports; the name of its error stays readable in the text."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    for prefix, what, hint in _TROUBLE:
        if name.startswith(prefix):
            return LedgerError(f"{what} ({name})", where=str(path), hint=hint)
    return LedgerError(f"the ledger failed: {error} ({name})", where=str(path), hint="run the same command again")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Every SQLite error inside becomes a LedgerError."""
    try:
        yield
    except sqlite3.Error as error:
        raise ledger_error(error, path) from error
    except UnicodeDecodeError as error:  # SQLite quotes what it stumbled over, and that need not be text
        raise damaged(path, "it holds text that is none") from error


@contextmanager
def closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """A connection that turns out to be of no use is closed, not left to the garbage collector."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and on disk when it ends: BEGIN IMMEDIATE … COMMIT with the WAL synced.

    After a full disk SQLite has rolled back already, hence the look before the ROLLBACK.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def unsynced(connection: sqlite3.Connection) -> Iterator[None]:
    """Commits inside may be lost by a power cut, in order: never one before another one that was lost.

    Only for what does not count yet. The next commit outside syncs the log, and all of these with it. The log is folded
    into the file less often, because each time costs two syncs.
    """
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint={10 * _LOG_PAGES}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        connection.execute("PRAGMA synchronous=FULL")


def make_folder(path: Path) -> None:
    """Make the folder of a ledger, for its owner only."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"the folder of the ledger cannot be made: {error.strerror}",
            where=str(path.parent),
            hint="choose a folder that you may write to with --ledger",
        ) from error


def create_file(path: Path) -> None:
    """Make an empty ledger that only its owner can read, its directory entry synced to disk."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        sync_directory(path.parent)
    except OSError as error:
        raise LedgerError(
            f"the ledger cannot be made: {error.strerror}",
            where=str(path),
            hint="choose a folder that you may write to with --ledger",
        ) from error


def sync_directory(folder: Path) -> None:
    """Make names in ``folder`` survive a power cut (POSIX; elsewhere directories cannot be synced)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def connect(path: Path) -> sqlite3.Connection:
    """Open the one connection that writes.

    WAL with ``synchronous=FULL``: a commit is on disk when it returns. With ``NORMAL`` the last
    commits may be gone after a power cut, and a mark that is gone is a case sent twice.
    """
    with translated(path):
        # The writer thread takes over from the thread that staged; never two at a time.
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
        with closed_on_error(connection):
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                f"wal_autocheckpoint={_LOG_PAGES}",
                f"busy_timeout={_BUSY_MS}",
                "foreign_keys=OFF",  # the importer writes both sides itself; checking each row would double its cost
                "trusted_schema=OFF",
                "cell_size_check=ON",
                "cache_size=-8192",  # KiB; more is only a second cache in front of that of the system
            ):
                connection.execute(f"PRAGMA {pragma}")
            _assert_durable(connection, path)
    return connection


def _assert_durable(connection: sqlite3.Connection, path: Path) -> None:
    """Read the settings back: a file system that cannot do WAL, or a patched SQLite, must not go unnoticed."""
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    level = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or level != 2:
        raise LedgerError(
            f"the ledger cannot be written durably here (journal {mode}, synchronous {level})",
            where=str(path),
            hint="put the ledger on a local disk",
        )


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a connection that can look but neither write nor checkpoint, also while a run is going on.

    Raises:
        LedgerError: the file is missing, is no ledger, or is of another version.
    """
    if not path.is_file():
        raise LedgerError("there is no ledger here", where=str(path), hint=_GIVE_LEDGER)
    with translated(path):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        with closed_on_error(connection):
            connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
            check_schema(connection, path)
    return connection


def copy_ledger(path: Path, copy: Path) -> None:
    """Copy a ledger, also one in use, into the new file ``copy``.

    Raises:
        LedgerError: it cannot be read, or not be copied.
    """
    original = connect_read_only(path)
    try:
        create_file(copy)
        with translated(copy), closing(sqlite3.connect(copy)) as target:
            original.backup(target)
            with target:  # the copy has everything, so no log of it can be missing
                target.execute("UPDATE run SET ended_at = started_at WHERE ended_at IS NULL")
    finally:
        original.close()


def is_blank(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether nothing was ever written to this file, or a process died while it made it."""
    with translated(path):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return bool(version == 0 and tables == 0)


def install_schema(connection: sqlite3.Connection, path: Path, *, ledger_id: str, created_at: str) -> None:
    """Write the tables and the ledger's name into an empty file, in one transaction."""
    with translated(path):
        connection.executescript("BEGIN IMMEDIATE;" + _SCHEMA.read_text(encoding="utf-8"))
        connection.execute("INSERT INTO ledger VALUES (?, ?, NULL)", (ledger_id, created_at))
        connection.execute("COMMIT")


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is not a ledger, is damaged, or was written by another version of the schema."""
    with translated(path):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name IN ('ledger', 'record')").fetchone()[
            0
        ]
    if tables != 2:
        raise LedgerError("this file is not a ledger", where=str(path), hint=_GIVE_LEDGER)
    if version != SCHEMA_VERSION:
        raise LedgerError(
            f"this ledger has version {version}, this program works with version {SCHEMA_VERSION}",
            where=str(path),
            hint="use the version of case-importer that began this import",
        )


def check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """Look for damage in the table that decides what is sent; the large cold table is checked as it is read."""
    with translated(path):
        report = [line for (line,) in connection.execute("PRAGMA quick_check('record')")]
    if report != ["ok"]:
        raise damaged(path, report[0])


def damaged(path: Path, what: str) -> LedgerError:
    """The error that says that what is in the file cannot have been written by us."""
    return LedgerError(
        f"the ledger is damaged: {what}",
        where=str(path),
        hint="restore it from a backup; do not send anything without it",
    )
