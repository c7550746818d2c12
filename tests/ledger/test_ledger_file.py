"""The ledger as a file: who may read it, who may hold it, and every way in which it can be broken."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from threading import Barrier

import pytest
from ledgers import as_killed, child, do, mark_one, output_of, pending, stage, valid

from importer.errors import CaseImporterError, LedgerError, LedgerLockedError
from importer.ledger import Ledger, LedgerView
from importer.ledger.database import copy_ledger
from importer.models import State

CHILDREN = Path(__file__).with_name("ledger_children.py")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without rights, or mount")


@pytest.fixture
def full(path: Path) -> Path:
    """A ledger that was closed properly, with 300 rows: every kind of page is in it."""
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [valid(f"K{number}", subject="x" * 200) for number in range(300)])
        for number in range(1, 100):
            do(ledger, lambda number=number: mark_one(ledger, number))
        do(ledger, ledger.abandon)
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- rights ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_its_owner_can_read_a_ledger(path: Path, umask: int) -> None:
    """It holds customers' data; SQLite alone would make it readable for all."""
    before = os.umask(umask)
    try:
        with Ledger(path, verb="run") as ledger, LedgerView(path):
            stage(ledger, [valid("A")])
            files = {file.name: mode(file) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert files == dict.fromkeys(
        ("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock", "ledger.db.mark"), 0o600
    )
    assert mode(path.parent) == 0o700


@needs_root
def test_a_folder_without_the_right_to_write(full: Path) -> None:
    """A message, exit code 8, and nothing sent; looking is still possible while the log is there."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        for name in ("new.db", "old.db"):
            folder = Path(place, name.removesuffix(".db"))
            folder.mkdir(mode=0o755)
            if name == "old.db":
                shutil.copyfile(full, folder / name)
                os.chmod(folder / name, 0o444)
            lines = output_of(child(CHILDREN, "without_rights", folder / name))
            assert lines[0].startswith(("8 cannot ", "8 the ledger cannot be "))
            assert lines[0].endswith(("Permission denied", "Read-only file system"))
            assert list(folder.iterdir()) == ([folder / name] if name == "old.db" else [])


def test_a_folder_in_the_place_of_a_ledger(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(LedgerError) as refusal:
        Ledger(path, verb="run")
    assert refusal.value.exit_code == 8


def test_a_file_in_the_place_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="cannot create"):
        Ledger(tmp_path / "file" / "ledger.db", verb="run")


# -- the lock -------------------------------------------------------------------------------------------


def test_a_second_process_is_refused_at_once(path: Path) -> None:
    """100 tries, none gets in, none waits."""
    with Ledger(path, verb="run"):
        *answers, longest = output_of(child(CHILDREN, "open_often", path, 100))
    assert answers == ["LedgerLockedError 11"] * 100
    assert float(longest) < 1.0


def test_a_second_one_in_the_same_process_is_refused_too(path: Path) -> None:
    with Ledger(path, verb="run") as ledger:
        with pytest.raises(LedgerLockedError, match="another run"):
            Ledger(path, verb="run")
        stage(ledger, [valid("A")])  # the first is none the worse for it
        assert ledger.counts() == {State.PENDING: 1}


def test_a_killed_process_leaves_no_lock(path: Path) -> None:
    """Nothing to clean up after kill -9."""
    with child(CHILDREN, "hold", path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LedgerLockedError):
            Ledger(path, verb="run")
        holder.kill()
        holder.wait()
    with Ledger(path, verb="run") as ledger:
        assert ledger.was_cut_short


def test_a_child_of_a_run_does_not_keep_the_lock(path: Path) -> None:
    """What a run started must not lock the next one out."""
    (number,) = output_of(child(CHILDREN, "hold_and_leave_a_child", path))
    try:
        Ledger(path, verb="run").close()
    finally:
        os.kill(int(number), 9)


def test_looking_needs_no_lock(path: Path) -> None:
    """Status works while a run is going on."""
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [valid("A")])
        with LedgerView(path) as view:
            assert view.counts() == {State.PENDING: 1}


def test_of_many_that_begin_at_the_same_moment_one_gets_the_ledger(tmp_path: Path) -> None:
    """Nobody hears anything but "locked", also when the ledger is only being made."""

    def open_together(path: Path, barrier: Barrier) -> Ledger | CaseImporterError:
        barrier.wait()
        try:
            return Ledger(path, verb="run")
        except CaseImporterError as error:
            return error

    with ThreadPoolExecutor(8) as threads:
        for number in range(20):
            barrier = Barrier(8)
            path = tmp_path / f"{number}.db"
            opened = list(threads.map(lambda _, path=path, barrier=barrier: open_together(path, barrier), range(8)))
            ledgers = [one for one in opened if isinstance(one, Ledger)]
            for ledger in ledgers:
                ledger.close()
            assert len(ledgers) == 1
            assert {type(one) for one in opened if not isinstance(one, Ledger)} == {LedgerLockedError}


def test_through_a_link_a_ledger_is_the_same(full: Path, tmp_path: Path) -> None:
    """It has one lock and one log, by whatever name it is called."""
    link = tmp_path / "link.db"
    link.symlink_to(full)
    with Ledger(full, verb="run"), pytest.raises(LedgerLockedError):
        Ledger(link, verb="run")
    with Ledger(link, verb="run") as ledger:
        do(ledger, lambda: mark_one(ledger, 200))
        killed = as_killed(ledger, tmp_path / "killed")
    (tmp_path / "again.db").symlink_to(killed)
    with Ledger(tmp_path / "again.db", verb="run") as ledger:
        assert ledger.counts() == {State.PENDING: 200, State.UNKNOWN: 100}
    assert {file.name for file in tmp_path.iterdir()} == {"import", "killed", "link.db", "again.db"}


def test_a_run_whose_lock_is_deleted_is_not_in_its_place_any_more(full: Path) -> None:
    """Another one could begin by then."""
    with Ledger(full, verb="run") as ledger:
        Path(f"{full}.lock").unlink()
        assert not ledger.is_in_place()


@pytest.mark.parametrize("what", ["link", "folder"])
def test_nothing_is_written_through_what_stands_in_the_place_of_the_mark(full: Path, what: str) -> None:
    victim, mark = full.with_name("victim"), full.with_name("ledger.db.mark")
    victim.write_text("precious, and longer than a mark")
    mark.unlink()
    mark.symlink_to(victim) if what == "link" else mark.mkdir()
    with pytest.raises(LedgerError, match=r"cannot write ledger\.db\.mark"):
        Ledger(full, verb="run")
    assert victim.read_text() == "precious, and longer than a mark"


# -- durability -----------------------------------------------------------------------------------------


def test_commits_are_on_disk_when_they_return(path: Path) -> None:
    """WAL alone is not durable; the settings are read back from the connection that writes."""
    with Ledger(path, verb="run") as ledger:
        settings = {
            name: ledger.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "cell_size_check", "trusted_schema")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "cell_size_check": 1, "trusted_schema": 0}


def test_where_durable_writing_is_impossible_nothing_is_begun(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: a file system, or an SQLite, that cannot do what we ask must not go unnoticed."""

    class Forgetful(sqlite3.Connection):
        def execute(self, query: str, *values: object) -> sqlite3.Cursor:
            return super().execute(query.replace("synchronous=FULL", "synchronous=NORMAL"), *values)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **options: connect(*given, factory=Forgetful, **options))
    with pytest.raises(LedgerError, match="cannot be written safely"):
        Ledger(path, verb="run")


def test_a_closed_ledger_is_one_file(full: Path, tmp_path: Path) -> None:
    """It can be copied and kept; what is next to it is not needed."""
    assert sorted(file.name for file in full.parent.iterdir()) == ["ledger.db", "ledger.db.lock", "ledger.db.mark"]
    shutil.copyfile(full, tmp_path / "copy.db")
    with Ledger(tmp_path / "copy.db", verb="run") as ledger:
        assert ledger.counts() == {State.PENDING: 201, State.UNKNOWN: 99}


def test_closing_twice_is_harmless(path: Path) -> None:
    ledger = Ledger(path, verb="run")
    ledger.close()
    ledger.close()
    Ledger(path, verb="run").close()


def test_how_a_run_ended_is_kept(path: Path) -> None:
    with Ledger(path, verb="retry") as ledger:
        ledger.exit_code = 5
    with closing(sqlite3.connect(path)) as connection:
        run = connection.execute("SELECT verb, exit_code, started_at <= ended_at FROM run").fetchone()
    assert run == ("retry", 5, 1)


# -- files that are not what they should be -------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [b"row,key,state\n", b"SQLite format 3\x00" + b"\x00" * 5000, b"\x00" * 4096, Random(7).randbytes(70_000)],
    ids=["text", "only a head", "zeros", "noise"],
)
def test_a_file_that_is_no_ledger_is_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    for opens in (lambda: Ledger(path, verb="run"), lambda: LedgerView(path)):
        with pytest.raises(LedgerError, match=r"not a ledger|is damaged"):
            opens()
    assert path.read_bytes() == content


def test_somebody_elses_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE record (id)")
    for opens in (lambda: Ledger(path, verb="run"), lambda: LedgerView(path)):
        with pytest.raises(LedgerError, match="not a ledger"):
            opens()


def test_a_view_of_nothing_makes_nothing(path: Path) -> None:
    with pytest.raises(LedgerError, match="ledger not found"):
        LedgerView(path)
    assert not path.parent.exists()


def owner_of_each_page(path: Path) -> list[str]:
    """The tables and indexes that the pages of a ledger belong to, in the order of the pages."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            return [name for (name,) in connection.execute("SELECT name FROM dbstat ORDER BY pageno")]
        except sqlite3.OperationalError:
            pytest.skip("THE PAGES OF A LEDGER ARE NOT TESTED: this SQLite cannot list them")


def what_is_sent(path: Path) -> list[tuple[object, ...]]:
    """Every record that would be sent or looked up, read the way a run reads it."""
    with Ledger(path, verb="run") as ledger:
        ledger.pin_target("https://api.example.com")
        rows, unknown = pending(ledger, limit=1000), ledger.unknown_records()
        assert ledger.counts() == {State.PENDING: len(rows), State.UNKNOWN: len(unknown)}
        return [*rows, *unknown]


@pytest.mark.parametrize("damage", [b"\x00", b"\xff", b"\x0d\x07"], ids=["zeros", "ones", "noise"])
def test_a_lost_page_is_noticed_before_anything_is_sent(full: Path, tmp_path: Path, damage: bytes) -> None:
    """Whatever page is overwritten, opening or reading says so, or every row is still there."""
    original = full.read_bytes()
    whole = what_is_sent(full)
    noticed = set()
    for number, name in enumerate(owner_of_each_page(full)):
        spoiled = tmp_path / f"{number}.db"
        spoiled.write_bytes(original[: number * 4096] + (damage * 4096)[:4096] + original[(number + 1) * 4096 :])
        try:
            assert what_is_sent(spoiled) == whole, f"page {number} of {name}"
        except LedgerError:
            noticed.add(name)
    assert noticed >= {
        "sqlite_schema",
        "ledger",
        "source",
        "run",
        "record",
        "record_key",
        "content",
    }


@pytest.mark.parametrize("body", ["body || ' '", "replace(body, 'burns', 'turns')", "NULL", "'{'"])
def test_what_is_sent_is_what_was_entered(full: Path, body: str) -> None:
    """A payload that changed on the disk is noticed before its row is marked as sending."""
    with closing(sqlite3.connect(full)) as connection, connection:
        digest = ", payload_sha256 = NULL" if body == "NULL" else ""
        connection.execute(f"UPDATE content SET body = {body}{digest} WHERE record = 200")
    with Ledger(full, verb="run") as ledger, pytest.raises(LedgerError, match="is damaged") as refusal:
        pending(ledger, limit=1000)
    assert refusal.value.exit_code == 8


def flipped(original: bytes, folder: Path) -> Iterator[Path]:
    """Copies of a file with one bit of it flipped."""
    random = Random(7)
    for number in range(300):
        spoiled = bytearray(original)
        spoiled[random.randrange(len(spoiled))] ^= 1 << random.randrange(8)
        path = folder / f"{number}.db"
        path.write_bytes(spoiled)
        yield path


def test_a_flipped_bit_never_ends_a_run_in_a_traceback(full: Path, tmp_path: Path) -> None:
    """Not every flip can be noticed, but none makes a state that does not exist, or an error without words."""
    for path in flipped(full.read_bytes(), tmp_path):
        with suppress(LedgerError), Ledger(path, verb="run") as ledger:
            pending(ledger, limit=1000)
            ledger.unknown_records()
            ledger.counts()


def test_a_flipped_bit_never_ends_a_look_in_a_traceback(full: Path, tmp_path: Path) -> None:
    spoiled = tmp_path / "spoiled.db"
    spoiled.write_bytes(full.read_bytes().replace(b"pending", b"0ending"))
    with suppress(LedgerError), LedgerView(spoiled) as view:
        view.counts()


# -- the log --------------------------------------------------------------------------------------------


def test_without_the_log_of_a_killed_run_nothing_is_sent(full: Path, tmp_path: Path) -> None:
    """The -wal file holds the newest marks; without it, rows that were sent look as if they were not."""
    with Ledger(full, verb="run") as ledger:
        do(ledger, lambda: mark_one(ledger, 200))
        killed = as_killed(ledger, tmp_path / "killed")
    killed.with_name("ledger.db-wal").unlink()
    for _ in range(2):  # trying does not make it better
        with pytest.raises(LedgerError, match="-wal"):
            Ledger(killed, verb="run")


def test_looking_does_not_hide_that_the_log_is_missing(full: Path, tmp_path: Path) -> None:
    """A reader leaves an empty -wal file behind; that one is not the one that is missing."""
    with Ledger(full, verb="run") as ledger:
        do(ledger, lambda: mark_one(ledger, 200))
        killed = as_killed(ledger, tmp_path / "killed")
    killed.with_name("ledger.db-wal").unlink()
    with LedgerView(killed) as view:
        view.counts()
    with pytest.raises(LedgerError, match="-wal"):
        Ledger(killed, verb="run")


def test_the_first_run_is_guarded_as_well(path: Path, tmp_path: Path) -> None:
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [valid("A")])
        do(ledger, lambda: mark_one(ledger, 1))
        killed = as_killed(ledger, tmp_path / "killed")
    killed.with_name("ledger.db-wal").unlink()
    with pytest.raises(LedgerError, match="-wal"):
        Ledger(killed, verb="run")


def test_with_its_log_a_killed_run_goes_on(full: Path, tmp_path: Path) -> None:
    with Ledger(full, verb="run") as ledger:
        do(ledger, lambda: mark_one(ledger, 200))
        killed = as_killed(ledger, tmp_path / "killed")
    with Ledger(killed, verb="run") as again:
        assert again.counts() == {State.PENDING: 200, State.UNKNOWN: 100}


@pytest.mark.parametrize("begun", ["empty file", "empty database"])
def test_killed_while_the_ledger_was_being_made(path: Path, begun: str) -> None:
    """P6, I1: the same command again must do, at whatever instant the first one died."""
    path.parent.mkdir()
    path.touch()
    if begun == "empty database":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    Ledger(path, verb="run").close()


# -- copies ---------------------------------------------------------------------------------------------


def test_a_copy_of_a_ledger_in_use_is_whole(path: Path, tmp_path: Path) -> None:
    """What ``check --ledger`` looks at: all that is committed, also while a run goes on or after one was killed."""
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [valid("A"), valid("B")])
        do(ledger, lambda: mark_one(ledger, 1))
        copy_ledger(path, tmp_path / "copy.db")
    assert mode(tmp_path / "copy.db") == 0o600
    with Ledger(tmp_path / "copy.db", verb="check") as copy:
        assert copy.counts() == {State.PENDING: 1, State.UNKNOWN: 1}


# -- moved, full ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("away", ["moved", "deleted", "replaced"])
def test_a_ledger_that_is_taken_away_is_noticed(full: Path, away: str) -> None:
    with Ledger(full, verb="run") as ledger:
        assert ledger.is_in_place()
        elsewhere = full.with_name("elsewhere.db")
        full.rename(elsewhere) if away != "deleted" else full.unlink()
        if away == "replaced":
            shutil.copyfile(elsewhere, full)
        assert not ledger.is_in_place()


def test_a_ledger_that_is_put_back_goes_on(full: Path) -> None:
    with Ledger(full, verb="run") as ledger:
        do(ledger, lambda: mark_one(ledger, 200))
        elsewhere = full.rename(full.with_name("elsewhere.db"))
    elsewhere.rename(full)
    with Ledger(full, verb="run") as ledger:
        assert ledger.counts() == {State.PENDING: 200, State.UNKNOWN: 100}


@pytest.fixture
def small_disk(tmp_path: Path) -> tuple[str, ...]:
    """The command that starts a process which sees a small disk at ``tmp_path/disk``, and is gone with it."""
    (tmp_path / "disk").mkdir()
    mount = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'
    wrap = ("unshare", "--mount", "sh", "-c", mount, "sh", "1m", str(tmp_path / "disk"))
    if os.geteuid() != 0 or subprocess.run([*wrap, "true"], capture_output=True, check=False).returncode:
        pytest.skip("DISK FULL IS NOT TESTED: only root can mount a small disk")
    return wrap


def test_a_disk_that_is_full_while_reading(tmp_path: Path, small_disk: tuple[str, ...]) -> None:
    process = child(CHILDREN, "full_disk_while_staging", tmp_path / "disk" / "ledger.db", wrap=small_disk)
    first, second = output_of(process)
    assert first == "8 the disk is full (SQLITE_FULL)"
    assert second in ("opened", "LedgerError 8")


@pytest.mark.parametrize("runs_before", [0, 1])
def test_a_disk_that_is_full_at_the_mark(tmp_path: Path, small_disk: tuple[str, ...], runs_before: int) -> None:
    """The mark is not up, so nothing is sent; with room made, the same command goes on with every row pending."""
    path = tmp_path / "disk" / "ledger.db"
    process = child(CHILDREN, "full_disk_at_the_mark", path, runs_before, wrap=small_disk, stderr=subprocess.DEVNULL)
    at_the_mark, marked, afterwards = output_of(process)
    assert at_the_mark == "the disk is full (SQLITE_FULL)"
    assert afterwards == f"[('pending', {200 - int(marked)}), ('unknown', {marked})]"
