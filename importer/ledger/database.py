"""The SQLite file below a ledger: opened carefully, written durably, never trusted blindly.

Opened for writing, an older ledger is brought to the newest version, in one transaction; for looking it must have that
version already.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from importer.errors import ConfigError, LedgerError
from importer.files.whole import sync_directory
from importer.text.wording import command_line

#: In the header of every ledger: "case" in ASCII.
APPLICATION_ID = 0x63617365
#: All tables of the newest version.
SCHEMA = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
#: The first makes a ledger of version 2 of one of version 1, and so on. A released one never changes: one is added.
MIGRATIONS = tuple(
    Path(__file__).with_name("migrations").joinpath(f"{version}.sql").read_text(encoding="utf-8")
    for version in range(2, 8)
)

_BUSY_MS = 5000  # for which a lock of somebody else is waited for
_LOG_PAGES = 1000  # from which on the log is folded into the file
#: WAL with ``synchronous=FULL``: a commit is on disk when it returns. With ``NORMAL`` the last commits may be gone
#: after a power cut, and a mark "sending" that is gone is a case created twice.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"wal_autocheckpoint={_LOG_PAGES}",
    f"busy_timeout={_BUSY_MS}",
    "foreign_keys=OFF",  # the importer writes both sides itself; checking each row would double its cost
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "cache_size=-8192",  # KiB; more is only a second cache in front of that of the system
)

_PASS_LEDGER = "pass the import's ledger with --ledger"
_RESTORE = "restore it from a backup; do not import without it"
_FOLDER = "choose a folder that you may write to with --ledger"
#: What SQLite says, in words for the person who has to put it right. Checked in this order, by prefix.
_TROUBLE = (
    ("SQLITE_FULL", "the disk is full", "free disk space, then run the same command again"),
    ("SQLITE_READONLY", "the ledger is read-only", "make it writable, or use another --ledger"),
    ("SQLITE_CANTOPEN", "the ledger cannot be opened", "check that the folder exists and that you may write to it"),
    ("SQLITE_CORRUPT", "the ledger is damaged", _RESTORE),
    ("SQLITE_NOTADB", "the file is not a ledger", _PASS_LEDGER),
    ("SQLITE_IOERR", "disk error", "check the disk, then run the same command again"),
    ("SQLITE_BUSY", "another program has the ledger open", "close that program, then run the same command again"),
)

# -- errors and transactions ---------------------------------------------------------------------------


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Every SQLite error inside becomes a LedgerError that has the name of the error in its text."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or type(error).__name__
        known = ((f"{what} ({name})", hint) for prefix, what, hint in _TROUBLE if name.startswith(prefix))
        what, hint = next(known, (f"ledger error: {error} ({name})", "run the same command again"))
        raise LedgerError(what, where=str(path), hint=hint) from error
    except UnicodeDecodeError as error:  # SQLite quotes what it stumbled over, and that need not be text
        raise damaged(path, "it contains invalid text") from error


def damaged(path: Path, what: str) -> LedgerError:
    """The error that says that what is in the file cannot have been written by us."""
    return LedgerError(f"the ledger is damaged: {what}", where=str(path), hint=_RESTORE)


def payload(path: Path, body: str | None, digest: str | None, whose: str) -> bytes:
    """What is to be sent, if it is what was entered (else LedgerError): a flipped bit must not become a case."""
    sent = (body or "").encode()
    if sha256(sent).hexdigest() != digest:
        raise damaged(path, f"what is to be sent for {whose} has changed")
    return sent


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and on disk when it ends: BEGIN IMMEDIATE … COMMIT with the WAL synced."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # after a full disk SQLite has rolled back already
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


def utc_now() -> str:
    """The wall clock, for people: UTC, ISO 8601, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


# -- the file ------------------------------------------------------------------------------------------


def make_folder(path: Path) -> None:
    """Make the folder of a ledger, for its owner only."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot create the ledger's folder: {error.strerror}"
        raise LedgerError(what, where=str(path.parent), hint=_FOLDER) from error


def create_file(path: Path) -> None:
    """Make an empty ledger that only its owner can read, its directory entry synced to disk."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        sync_directory(path.parent)
    except OSError as error:
        raise LedgerError(f"cannot create the ledger: {error.strerror}", where=str(path), hint=_FOLDER) from error


def copy_ledger(path: Path, copy: Path) -> None:
    """Copy a ledger, also one in use, into the new file ``copy``."""
    with closing(open_read_only(path)) as original:
        create_file(copy)
        with translated(copy), closing(sqlite3.connect(copy)) as target:
            original.backup(target)
            with target:  # the copy has everything, so no log of it can be missing
                target.execute("UPDATE run SET ended_at = started_at WHERE ended_at IS NULL")


# -- opening -------------------------------------------------------------------------------------------


@contextmanager
def closing_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """A connection that turns out to be of no use is closed, not left to the garbage collector."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the one connection that writes, to a ledger of the newest version; an empty file becomes a ledger.

    Raises:
        LedgerError: it is no ledger, is damaged, or cannot be written durably.
    """
    with translated(path):
        # The writer's thread takes over from the thread that staged; never two at a time.
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
        with closing_on_error(connection):
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            # A file system that cannot do WAL, or a patched SQLite, must not go unnoticed.
            (mode,), level = connection.execute("PRAGMA journal_mode").fetchone(), _pragma(connection, "synchronous")
            if mode != "wal" or level != 2:
                what = f"the ledger cannot be written safely here (journal {mode}, synchronous {level})"
                raise LedgerError(what, where=str(path), hint="put the ledger on a local disk")
            if not is_blank(connection):
                assert_ledger(connection, path)
            _hide_from_others(path)
            bring_forward(connection)
            # Damage in the table that decides what is sent; the large cold table is checked as it is read.
            (report,) = connection.execute("PRAGMA quick_check('record')").fetchone()
            if report != "ok":
                raise damaged(path, report)
    return connection


def _hide_from_others(path: Path) -> None:
    """A ledger that was copied may be readable by other users; it and its log become their owner's only."""
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(OSError):  # not there, or somebody else's, who knows whom it is for
            if os.name == "posix" and (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
                file.chmod(mode & 0o700)


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a connection that can look but neither write nor checkpoint, also while a run is going on."""
    if not path.is_file():
        raise LedgerError("ledger not found", where=str(path), hint=_PASS_LEDGER)
    with translated(path):
        connection = connect_read_only(path)
        with closing_on_error(connection):
            assert_ledger(connection, path)
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Connect to a database that exists, whatever is in it."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    with closing_on_error(connection):
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    return connection


def newest_version() -> int:
    """The version of the ledgers that this program makes."""
    return 1 + len(MIGRATIONS)


def bring_forward(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty file, or the migrations that an older ledger lacks; all, or none if one fails.

    The caller closes a connection that failed, which takes all of them back.
    """
    version = _pragma(connection, "user_version")
    if version < newest_version():
        connection.executescript(f"""
            BEGIN IMMEDIATE;
            {"".join(MIGRATIONS[version - 1 :]) if version else SCHEMA}
            INSERT INTO ledger (id, created_at) SELECT lower(hex(randomblob(4))), '{utc_now()}'
                WHERE NOT EXISTS (SELECT 1 FROM ledger);
            PRAGMA application_id = {APPLICATION_ID};
            PRAGMA user_version = {newest_version()};
            COMMIT;""")


def assert_newest(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse to look at an older ledger as if it were a new one, and say how it becomes one."""
    version = _pragma(connection, "user_version")
    if version < newest_version():
        raise LedgerError(
            f"the ledger has version {version}; this program reads version {newest_version()}",
            where=str(path),
            hint="the next run, retry or reconcile brings it up to date, with nothing lost, such as:"
            f" {command_line(['case-importer', 'reconcile', '--ledger', str(path)])}",
        )


def is_blank(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever written to this file, or a process died while it made it."""
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return bool(tables == 0 and _pragma(connection, "user_version") == 0)


def was_cut_short(connection: sqlite3.Connection) -> bool:
    """Whether the last run did not end: it was killed, or is still on."""
    last = connection.execute("SELECT ended_at FROM run ORDER BY id DESC LIMIT 1").fetchone()
    return last is not None and last[0] is None


def check_purpose(connection: sqlite3.Connection, path: Path, verb: str) -> bool:
    """Refuse tries in the ledger of an import, and all else in a ledger of tries: a try deletes what tries left.

    The first run says what a ledger is for. Nothing is noted in the wrong one. A rebuild that ended before its export
    was read is repeated first: to any other command its rows would be new.

    Returns:
        Whether it is made again (`rebuild`), so that a new row may be a case already; never for a check.

    Raises:
        ConfigError: the ledger is not for this command.
    """
    if verb != "rebuild" and _is_unread_rebuild(connection):
        raise unread_rebuild(path)
    (first,) = connection.execute("SELECT verb FROM run ORDER BY id LIMIT 1").fetchone() or (verb,)
    if (first == "try") is (verb == "try"):
        return bool(first == "rebuild") and verb != "check"
    if verb == "try":
        what, hint = "this is the ledger of an import, so nothing is tried in it", "choose another folder with --out"
    else:
        what = "this is the ledger of `case-importer try`, which deletes its cases"
        hint = "give the ledger of the import with --ledger, or choose another folder with --out"
    raise ConfigError(f"{what}; nothing was sent", where=str(path), hint=hint)


def is_unread_rebuild(path: Path) -> bool:
    """Whether all that is in this file is a rebuild that ended before its export was read: it may be repeated."""
    try:
        with closing(connect_read_only(path)) as connection:
            return _is_unread_rebuild(connection)
    except sqlite3.Error:
        return False


def unread_rebuild(path: Path) -> ConfigError:
    """The error that says so."""
    what = "the rebuild of this ledger ended before its export was read"
    hint = "give the same `case-importer rebuild` command again"
    return ConfigError(f"{what}; nothing was sent", where=str(path), hint=hint)


def _is_unread_rebuild(connection: sqlite3.Connection) -> bool:
    query = (
        "SELECT (SELECT verb FROM run ORDER BY id LIMIT 1) = 'rebuild' AND NOT EXISTS"
        " (SELECT 1 FROM source WHERE staged = 1)"
    )
    return bool(connection.execute(query).fetchone()[0])


def assert_ledger(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is no ledger, or one that this program does not know."""
    tables = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name IN ('ledger', 'record')").fetchone()[0]
    if tables != 2:
        raise LedgerError("the file is not a ledger", where=str(path), hint=_PASS_LEDGER)
    if _pragma(connection, "application_id") != APPLICATION_ID:
        what = "the ledger was made by a case-importer from before the first release, which this one cannot read"
        raise LedgerError(what, where=str(path), hint="finish that import with the program that began it")
    version = _pragma(connection, "user_version")
    if not 1 <= version <= newest_version():
        what = f"the ledger has version {version}; this program supports {newest_version()}"
        raise LedgerError(what, where=str(path), hint="use the version of case-importer that wrote it, or a newer one")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
