"""A ledger after ``kill -9``: used again whenever nothing is lost, refused whenever something is.

The newest commits of a killed run are in SQLite's log only. Who opens the ledger next may put them into the file, or
may find a log that somebody damaged. Only what the ledger contains counts, never which files are there.
"""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest
import wrong_builds as wrong
from crash_points import Crash
from launching import run
from program import SandboxProcess
from scenes import Campaign, rows

from importer.errors import ExitCode

pytestmark = pytest.mark.slow

_FRAME = 24 + 4096  # bytes of a frame of the log; its header has 32
_NUMBERS = iter(range(10_000))


@pytest.fixture
def killed(server: SandboxProcess, tmp_path: Path) -> Campaign:
    """An import that was killed when it had 17 answers, some of them in the log only."""
    campaign = Campaign(
        tmp_path / "c", server, rows(f"d{next(_NUMBERS)}", 40), ("--concurrency", 8, "--accept-existing")
    )
    died = campaign.run(change=wrong.built(crash=Crash("the answer has arrived", 17)))
    assert died.code == -9
    assert log_of(campaign).stat().st_size > 10 * _FRAME
    return campaign


def log_of(campaign: Campaign) -> Path:
    return campaign.ledger.with_name(campaign.ledger.name + "-wal")


def assert_finished(campaign: Campaign) -> None:
    history = campaign.finish()
    assert not history.offences, campaign.story(history)
    assert len(campaign.cases()) == len(campaign.tickets)


# -- nothing is lost -----------------------------------------------------------------------------------


def test_it_goes_on_when_another_program_has_looked(killed: Campaign) -> None:
    """Whoever closes a ledger last puts the log into the file and removes it."""
    with closing(sqlite3.connect(killed.ledger)) as connection:
        assert connection.execute("SELECT count(*) FROM record").fetchone() == (40,)
    assert not log_of(killed).exists()
    assert_finished(killed)


def test_the_build_that_wants_its_log_is_caught(killed: Campaign) -> None:
    with closing(sqlite3.connect(killed.ledger)) as connection:
        connection.execute("SELECT count(*) FROM record").fetchone()
    assert killed.run(change=wrong.built(wrong.wants_its_log)).code == ExitCode.LEDGER


@contextmanager
def small_files_only() -> Iterator[None]:
    """A quota: no file may become larger than 60,000 bytes, which is too small for the log."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
    yield


def test_it_goes_on_after_an_opening_that_failed(killed: Campaign) -> None:
    assert killed.run(change=small_files_only).code == ExitCode.LEDGER
    assert_finished(killed)


def test_it_goes_on_through_a_link(killed: Campaign, tmp_path: Path) -> None:
    """The log is next to the file that the link names."""
    link = tmp_path / "link.db"
    link.symlink_to(killed.ledger)
    killed.ledger_folder = tmp_path
    link.rename(killed.ledger)
    assert_finished(killed)


# -- something is lost ---------------------------------------------------------------------------------


def deleted(log: Path, _: Random) -> None:
    log.unlink()


def noise(log: Path, random: Random) -> None:
    log.write_bytes(random.randbytes(200_000))


def zeros(log: Path, _: Random) -> None:
    log.write_bytes(bytes(200_000))


def another_database(log: Path, _: Random) -> None:
    with closing(sqlite3.connect(log.with_name("other.db"))) as connection, connection:
        connection.execute("CREATE TABLE a (b)")
    shutil.move(log.with_name("other.db"), log)


def cut(log: Path, random: Random) -> None:
    with log.open("r+b") as file:
        file.truncate(random.randrange(32, log.stat().st_size // 2))


def cut_between_frames(log: Path, random: Random) -> None:
    with log.open("r+b") as file:
        file.truncate(32 + _FRAME * random.randrange(1, log.stat().st_size // _FRAME // 2))


def a_flipped_bit(log: Path, random: Random) -> None:
    flip(log, random, 1)


def flipped_bits(log: Path, random: Random) -> None:
    flip(log, random, 64)


def flip(log: Path, random: Random, count: int) -> None:
    content = bytearray(log.read_bytes())
    for _ in range(count):
        content[random.randrange(len(content) // 2)] ^= 1 << random.randrange(8)
    log.write_bytes(content)


DAMAGE = [deleted, noise, zeros, another_database, cut, cut_between_frames, a_flipped_bit, flipped_bits]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_damaged_log_is_refused(killed: Campaign, damage: Callable[[Path, Random], None], seed: int) -> None:
    """Exit code 8, nothing is sent, and the way out is named."""
    made = len(killed.cases())
    damage(log_of(killed), Random(seed))
    refused = killed.run()
    assert refused.code == ExitCode.LEDGER, refused.err
    assert "case-importer rebuild" in refused.err
    assert killed.run().code == ExitCode.LEDGER  # and it stays so
    assert len(killed.cases()) == made


def test_an_old_copy_put_back_is_refused(killed: Campaign) -> None:
    """Also when it was made properly, and the log of the newer one is gone."""
    copy = killed.ledger.with_name("backup.db")
    with closing(sqlite3.connect(killed.ledger)) as ledger, closing(sqlite3.connect(copy)) as backup:
        ledger.backup(backup)
    assert_finished(killed)
    copy.replace(killed.ledger)
    refused = killed.run()
    assert refused.code == ExitCode.LEDGER, refused.err
    assert "case-importer rebuild" in refused.err
    assert len(killed.cases()) == len(killed.tickets)


@pytest.mark.parametrize("damage", [deleted, noise, cut], ids=lambda damage: damage.__name__)
def test_the_build_that_believes_any_log_is_caught(killed: Campaign, damage: Callable[[Path, Random], None]) -> None:
    damage(log_of(killed), Random(3))
    killed.run(change=wrong.built(wrong.believes_any_log))
    assert killed.history().duplicated


def with_another_text(campaign: Campaign) -> None:
    """A text that is still to be sent changes on the disk."""
    with closing(sqlite3.connect(campaign.ledger)) as connection, connection:
        changed = connection.execute(
            "UPDATE content SET body = replace(body, 'Ticket', 'Picket')"
            " WHERE record = (SELECT max(id) FROM record WHERE state = 'pending')"
        )
        assert changed.rowcount == 1


def changed_titles(campaign: Campaign) -> list[str]:
    return [case["title"] for case in campaign.cases() if case["title"].startswith("Picket")]


def test_a_changed_text_is_not_sent(killed: Campaign) -> None:
    with_another_text(killed)
    refused = killed.run()
    assert (refused.code, changed_titles(killed)) == (ExitCode.LEDGER, []), refused.err


def test_the_build_that_believes_any_payload_is_caught(killed: Campaign) -> None:
    with_another_text(killed)
    killed.run(change=wrong.built(wrong.believes_any_payload))
    assert len(changed_titles(killed)) == 1


def test_the_way_out_loses_and_doubles_nothing(killed: Campaign) -> None:
    """The ledger is made again from the account, and the import continues with it."""
    noise(log_of(killed), Random(4))
    assert killed.run().code == ExitCode.LEDGER
    killed.ledger.parent.rename(killed.folder / "damaged")
    verb = ("rebuild", *(word for word in killed.command[1:] if word != "--accept-existing"))
    assert run(killed.folder, *verb, variables=killed.environment).code in (ExitCode.OK, ExitCode.UNKNOWN_OUTCOME)
    assert_finished(killed)


@pytest.mark.parametrize("point", ["in staging", "staging ends"])
def test_a_rebuild_that_is_killed_while_it_reads_leaves_nothing_to_send_blindly(
    server: SandboxProcess, tmp_path: Path, point: str
) -> None:
    """Nobody knows which rows are cases, so nothing is sent before the rebuild is given again."""
    campaign = Campaign(tmp_path / "c", server, rows(f"d{next(_NUMBERS)}", 12), ("--accept-existing",))
    assert campaign.run().code == ExitCode.OK
    campaign.ledger.parent.rename(campaign.folder / "lost")
    verb = ("rebuild", *(word for word in campaign.command[1:] if word != "--accept-existing"))
    died = run(campaign.folder, *verb, variables=campaign.environment, change=wrong.built(crash=Crash(point, 1)))
    assert died.code == -9
    assert campaign.run().code == ExitCode.USAGE
    assert campaign.retry().code == ExitCode.USAGE
    assert run(campaign.folder, *verb, variables=campaign.environment).code == ExitCode.OK
    assert_finished(campaign)
