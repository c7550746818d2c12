"""An export that changed is read, and what is unfinished is taken from it; a mapping that changed is refused."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from many_notes import NOTHING, notes_of, what_is_wrong, write_export
from program import Ended, Program, sandbox_process
from tickets import MAPPING, Ticket, tickets, write_tickets

pytestmark = pytest.mark.slow

RUN = ("run", "t.csv", "-m", "m.yml", "--json")


def test_unfinished_rows_are_taken_from_the_changed_export(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(4))
    assert local(*RUN, "--limit", 2).counts == {"created": 2, "pending": 2}
    write_tickets(local.folder / "t.csv", [*tickets(5)[1:], Ticket("T000001", "already_created_changed")])
    ended = local(*RUN)
    assert ended.code == 0
    assert ended.json["requests"] == 3, "the two rows that were left and the new one"
    whole = local("status", "--ledger", "t-import/ledger.db", "--json")
    assert whole.counts == {"created": 5, "skipped": 4}
    assert whole.json["requests"] == 5


def test_a_changed_export_is_fine_once_its_rows_are_finished(local: Program) -> None:
    """The nightly load: the same name every night."""
    write_tickets(local.folder / "t.csv", tickets(2))
    local(*RUN)
    write_tickets(local.folder / "t.csv", tickets(3))
    assert local(*RUN).counts == {"created": 1, "skipped": 2}


def test_a_run_of_the_changed_export_delivers_the_notes_that_are_left(program: Program) -> None:
    """Its rows are cases already, and the run says so while their notes are not there."""
    rows = [("N-1", notes_of("N-1", 45)), ("N-2", notes_of("N-2", 3))]
    write_export(program.folder, rows)
    too_fast = {"do": "status", "status": 429, "on": ["update"], "limit": 6}
    with sandbox_process(program.folder, faults={"name": "notes", "rules": [too_fast]}) as server:
        online = program.having(**server.login, CASE_IMPORTER_API_URL=server.url)
        assert online(*RUN).counts == {"created": 2}
        more = [*rows, ("N-3", notes_of("N-3", 2))]
        write_export(program.folder, more)
        ended = online(*RUN)
        assert (ended.code, ended.counts) == (5, {"created": 1, "skipped": 2})
        assert ended.json["case_updates"]["open"] == 25
        assert "N-1" in (online.folder / Path(ended.json["reports"]["case_updates"])).read_text("utf-8-sig")
        assert online(*RUN).code == 0
        assert what_is_wrong(more, server.cases()) == NOTHING


def test_a_changed_mapping_is_refused_and_the_hint_works(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("2", subject="x" * 151)])
    assert local(*RUN).counts == {"created": 1, "invalid": 1}
    (local.folder / "m.yml").write_text(
        MAPPING.replace("Subject", "{column: Subject, overflow: truncate}"), encoding="utf-8"
    )
    refused = local(*RUN)
    assert (refused.code, refused.json["exit_code"]) == (2, 2)
    assert "the mapping changed since t.csv was read" in refused.err

    retried = _the_command_in(refused, local)
    assert (retried.code, retried.counts) == (0, {"created": 2})
    assert retried.json["requests"] == 2
    assert local(*RUN).code == 0, "the new mapping is the ledger's own now"


def test_the_hint_works_with_spaces_in_every_path(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("2", subject="x" * 151)])
    mapping = local.folder / "my mappings" / "first draft.yml"
    mapping.parent.mkdir()
    mapping.write_text(MAPPING, encoding="utf-8")
    run = ("run", "t.csv", "-m", mapping, "--out", "my import", "--json")
    assert local(*run).counts == {"created": 1, "invalid": 1}
    mapping.write_text(MAPPING.replace("Subject", "{column: Subject, overflow: truncate}"), encoding="utf-8")
    retried = _the_command_in(local(*run), local)
    assert (retried.code, retried.counts) == (0, {"created": 2})


def test_a_mapping_that_says_how_to_read_the_file_is_a_changed_mapping_too(local: Program) -> None:
    """Not another file: its rows would be sent again, under other keys."""
    write_tickets(local.folder / "t.csv", [Ticket("1")])
    assert local(*RUN).counts == {"created": 1}
    changed = MAPPING.replace("source: {key: Id", "source: {header_row: 1, key: Subject")
    assert changed != MAPPING
    (local.folder / "m.yml").write_text(changed, encoding="utf-8")
    refused = local(*RUN)
    assert (refused.code, refused.json["exit_code"]) == (2, 2)
    assert "the mapping changed since t.csv was read" in refused.err


def _the_command_in(refused: Ended, program: Program) -> Ended:
    """What the message says to run, run as it stands."""
    words = shlex.split(refused.err.partition("case-importer ")[2].splitlines()[0])
    return program(*words, "--json")
