"""A ledger that was lost is made again from the account, and the import continues with it."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from program import Program, SandboxProcess, sandbox_process, until
from tickets import HEADER, MAPPING, WITHOUT_EXTERNAL_ID, Ticket, read_csv, tickets, write_tickets

pytestmark = pytest.mark.slow
RUN = ("run", "t.csv", "-m", "m.yml", "--json")
REBUILD = ("rebuild", "t.csv", "-m", "m.yml", "--json")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with sandbox_process(tmp_path_factory.mktemp("server")) as server:
        yield server


def program_for(server: SandboxProcess, folder: Path, prefix: str, count: int = 30) -> Program:
    """The command next to an export of so many rows."""
    folder.mkdir(exist_ok=True)
    write_tickets(folder / "t.csv", tickets(count, prefix=prefix))
    (folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    return Program(folder, **server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_SETTLE_DELAY="0.2")


def keys_of(server: SandboxProcess, prefix: str) -> list[str]:
    keys = [case["custom_fields"].get("text1", "") for case in server.cases()]
    return sorted(key for key in keys if key.startswith(prefix))


def test_what_was_sent_is_found_and_the_rest_is_sent(server: SandboxProcess, tmp_path: Path) -> None:
    program = program_for(server, tmp_path, "lost-")
    assert program(*RUN, "--limit", 20).counts == {"created": 20, "pending": 10}
    shutil.rmtree(tmp_path / "t-import")
    assert program(*RUN).code == 2  # these tickets are cases already: the way out is named
    assert "case-importer rebuild" in program("run", "t.csv", "-m", "m.yml", "--quiet").err
    shutil.rmtree(tmp_path / "t-import")

    rebuilt = program(*REBUILD)
    assert (rebuilt.code, rebuilt.counts) == (0, {"created": 20, "pending": 10})
    assert rebuilt.json["moved"] == {"created": 20, "pending": 10}
    assert len(keys_of(server, "lost-")) == 20
    codes = Counter(line["code"] for line in read_csv(tmp_path / "t-import" / "results.csv"))
    assert codes == {"found": 20, "not_created": 10}, "two readings of the list decide, without a search for each row"

    (tmp_path / "t-import").rename(tmp_path / "rebuilt")
    assert re.search(r"20  created +trial: cases in the sandbox, not in Talkdesk\n", program(*REBUILD[:-1]).out)
    shutil.rmtree(tmp_path / "t-import")
    (tmp_path / "rebuilt").rename(tmp_path / "t-import")

    finished = program(*RUN)
    assert (finished.code, finished.counts) == (0, {"created": 30})
    assert keys_of(server, "lost-") == sorted(ticket.id for ticket in tickets(30, prefix="lost-"))


def test_a_ledger_that_is_there_is_left_alone(server: SandboxProcess, tmp_path: Path) -> None:
    program = program_for(server, tmp_path, "there-", 3)
    assert program(*RUN).code == 0
    before = (tmp_path / "t-import" / "ledger.db").read_bytes()
    refused = program("rebuild", "t.csv", "-m", "m.yml")
    assert (refused.code, "there is a ledger already" in refused.err) == (2, True)
    assert (tmp_path / "t-import" / "ledger.db").read_bytes() == before


def test_two_cases_of_one_row_are_for_a_person(server: SandboxProcess, tmp_path: Path) -> None:
    program = program_for(server, tmp_path, "twice-", 3)
    assert program(*RUN).code == 0
    assert program(*RUN, "--out", "again", "--accept-existing").code == 0
    rebuilt = program(*REBUILD, "--out", "new")
    assert (rebuilt.code, rebuilt.counts) == (6, {"duplicate": 3})


def test_rows_without_external_id_stay_unknown(server: SandboxProcess, tmp_path: Path) -> None:
    program = program_for(server, tmp_path, "bare-", 3)
    (tmp_path / "m.yml").write_text(WITHOUT_EXTERNAL_ID, encoding="utf-8")
    assert program(*RUN, "--limit", 2).counts == {"created": 2, "pending": 1}
    rebuilt = program(*REBUILD, "--out", "new")
    assert rebuilt.code == 4
    assert rebuilt.counts.get("pending", 0) == 0
    assert program(*RUN, "--out", "new").counts.get("pending", 0) == 0


def test_a_list_that_does_not_filter_shows_what_is_there_and_proves_nothing_else(tmp_path: Path) -> None:
    with sandbox_process(tmp_path, "--filters", "ignore") as server:
        program = program_for(server, tmp_path, "blind-", 12)
        assert program(*RUN, "--limit", 8).counts == {"created": 8, "pending": 4}
        rebuilt = program(*REBUILD, "--out", "new")
        assert rebuilt.counts["created"] == 8
        assert len(keys_of(server, "blind-")) == 8


def test_a_rebuild_that_is_killed_leaves_no_row_that_could_be_sent(server: SandboxProcess, tmp_path: Path) -> None:
    """What it did not settle is unknown, so the next run searches before it sends."""
    program = program_for(server, tmp_path, "killed-")
    assert program(*RUN, "--limit", 20).counts == {"created": 20, "pending": 10}
    child = program.fork(*REBUILD, "--out", "new", "--rate", 1)
    until(lambda: unknown_in(tmp_path / "new" / "ledger.db") == 30, what="rows that are marked as unknown")
    child.kill()
    for _ in range(3):
        finished = program(*RUN, "--out", "new")
    assert (finished.code, finished.counts) == (0, {"created": 30})
    assert keys_of(server, "killed-") == sorted(ticket.id for ticket in tickets(30, prefix="killed-"))


def test_a_rebuild_that_cannot_read_its_file_leaves_nothing_to_send_blindly(
    server: SandboxProcess, tmp_path: Path
) -> None:
    program = program_for(server, tmp_path, "broken-", 60)
    rows = tickets(60, prefix="broken-")
    write_tickets(tmp_path / "old.csv", [rows[1]])  # not among the rows that a run looks up before it sends
    assert program("run", "old.csv", "-m", "m.yml").code == 0
    with (tmp_path / "t.csv").open("a", encoding="utf-8") as file:
        file.write('"cut off')
    assert program(*REBUILD, "--out", "new").code == 2
    write_tickets(tmp_path / "t.csv", rows)
    for command in (RUN, ("reconcile",), ("retry",)):
        early = program(*command, "--ledger", "new/ledger.db")
        assert (early.code, "the rebuild of this ledger ended before its export was read" in early.err) == (2, True)
    assert program(*REBUILD, "--out", "new").counts == {"created": 1, "pending": 59}
    finished = program(*RUN, "--out", "new")
    assert (finished.code, finished.counts) == (0, {"created": 60})
    assert keys_of(server, "broken-") == sorted(ticket.id for ticket in rows)


@pytest.mark.parametrize("corrects", ["failures.csv", "another mapping", "whole export"])
def test_a_row_that_the_lost_import_had_corrected_is_found(
    server: SandboxProcess, tmp_path: Path, corrects: str
) -> None:
    """It is invalid in the export, so the rebuild does not know that it is a case."""
    program = program_for(server, tmp_path, f"fixed-{corrects[:3]}-", 1)
    names = [f"fixed-{corrects[:3]}-{number}" for number in range(4)]
    right = [Ticket(name) for name in names]
    write_tickets(tmp_path / "t.csv", right[:3])
    assert program(*RUN).counts == {"created": 3}
    write_tickets(tmp_path / "t.csv", [right[0], *(ticket._replace(mail="nobody") for ticket in right[1:])])
    rebuilt = program(*REBUILD, "--out", "new")
    assert rebuilt.counts == {"created": 1, "invalid": 3}
    if corrects == "failures.csv":
        text = (tmp_path / "new" / "failures.csv").read_text(encoding="utf-8-sig")
        (tmp_path / "again.csv").write_text(text.replace("nobody", "ana@example.com"), encoding="utf-8")
        command = ("run", "again.csv", "-m", "m.yml", "--out", "second", "--json")
    elif corrects == "whole export":
        new = [f"fixed-who-new{number}" for number in range(4)]  # of which a run looks up the first ones first
        write_tickets(tmp_path / "t.csv", [*map(Ticket, new), *right])
        names += new
        command = (*RUN, "--out", "second")
    else:
        (tmp_path / "m.yml").write_text(MAPPING.replace("Mail", "{value: ana@example.com}"), encoding="utf-8")
        command = ("retry", "-m", "m.yml", "--json")
    for _ in range(2):
        finished = program(*command, "--ledger", "new/ledger.db")
    assert finished.code == 0
    assert keys_of(server, f"fixed-{corrects[:3]}-") == names


def test_a_child_that_is_mapped_again_after_a_rebuild_keeps_its_parent(server: SandboxProcess, tmp_path: Path) -> None:
    program = program_for(server, tmp_path, "below-", 1)
    mapping = f"{MAPPING}  parent_id: {{record: Under}}\n"
    (tmp_path / "m.yml").write_text(mapping, encoding="utf-8")
    rows = [(*Ticket("below-X"), ""), (*Ticket("below-P"), ""), (*Ticket("below-C", mail="nobody"), "below-P")]
    write_tickets(tmp_path / "t.csv", rows, header=(*HEADER, "Under"))
    assert program(*RUN, "--limit", 1).counts == {"created": 1, "pending": 1, "invalid": 1}
    assert program(*REBUILD, "--out", "new").counts == {"created": 1, "pending": 1, "invalid": 1}
    (tmp_path / "m.yml").write_text(mapping.replace("Mail", "{value: ana@example.com}"), encoding="utf-8")
    for _ in range(2):
        finished = program("retry", "-m", "m.yml", "--json", "--ledger", "new/ledger.db")
    assert (finished.code, finished.counts) == (0, {"created": 3})
    cases = {case["custom_fields"].get("text1"): case for case in server.cases()}
    assert cases["below-C"]["parent_id"] == cases["below-P"]["id"]


def test_a_limit_counts_what_is_sent_of_families_that_were_rebuilt(server: SandboxProcess, tmp_path: Path) -> None:
    """A child that was searched for may be met before its parent is a case: it was not sent then."""
    program = program_for(server, tmp_path, "family-", 1)
    (tmp_path / "m.yml").write_text(f"{MAPPING}  parent_id: {{record: Under}}\n", encoding="utf-8")
    names = [("family-X", ""), ("family-P", ""), ("family-C", "family-P"), ("family-Y", "")]
    rows = [(*Ticket(name), parent) for name, parent in names]
    write_tickets(tmp_path / "t.csv", rows, header=(*HEADER, "Under"))
    assert program(*RUN, "--limit", 1).counts == {"created": 1, "pending": 2, "waiting": 1}
    assert program(*REBUILD, "--out", "new").counts == {"created": 1, "pending": 3}
    limited = program(*RUN, "--out", "new", "--limit", 2, "--concurrency", 1)
    assert (limited.code, limited.counts) == (0, {"created": 3, "pending": 1})
    assert limited.json["moved"] == {"created": 2}
    assert keys_of(server, "family-") == ["family-C", "family-P", "family-X"]


def unknown_in(ledger: Path) -> int:
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM record WHERE state = 'unknown'").fetchone()[0])
    return 0
