"""Rows that are linked to each other, from the file to the cases at the server."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from program import Ended, Program, SandboxProcess
from scenery import LOST_AFTER, REFUSED
from test_cli_failures import rewrite
from tickets import MAPPING, read_csv, write_tickets

pytestmark = pytest.mark.slow

HEADER = ("Id", "Parent", "Subject", "Body", "Mail")
LINKED = MAPPING + "  parent_id: {record: Parent}\n"
LEDGER = ("--ledger", "t-import/ledger.db")


def row(key: str, parent: str = "", subject: str = "Fire") -> tuple[str, ...]:
    return key, parent, subject, "Smoke", "ana@example.com"


@pytest.fixture
def families(online: Program) -> Program:
    """The command next to the mapping ``p.yml``, which links rows."""
    (online.folder / "p.yml").write_text(LINKED, encoding="utf-8")
    return online


def write(program: Program, *rows: tuple[str, ...], name: str = "t.csv") -> None:
    write_tickets(program.folder / name, rows, header=HEADER)


def run(program: Program, *arguments: object, name: str = "t.csv", mapping: str = "p.yml") -> Ended:
    return program("run", name, "-m", mapping, *LEDGER, "--out", "out", "--json", *arguments)


def parents(server: SandboxProcess, prefix: str) -> dict[str, str | None]:
    """Key → key of the case above it, as the server has it."""
    cases = {case["id"]: case for case in server.cases()}
    key_of = {number: case["custom_fields"].get("text1", "") for number, case in cases.items()}
    return {
        key_of[number]: key_of[case["parent_id"]] if case.get("parent_id") else None
        for number, case in cases.items()
        if key_of[number].startswith(prefix)
    }


def test_children_become_subcases_whatever_the_order(families: Program, server: SandboxProcess) -> None:
    write(families, row("o-2", "o-1"), row("o-1"), row("o-3", "o-1"), row("o-5", "o-4"), row("o-4"))
    ended = run(families)
    assert (ended.code, ended.counts) == (0, {"created": 5})
    wanted = {"o-1": None, "o-2": "o-1", "o-3": "o-1", "o-4": None, "o-5": "o-4"}
    assert parents(server, "o-") == wanted
    before = server.creates()
    assert run(families).code == 0
    assert server.creates() == before, "P7"


def test_check_finds_what_cannot_be_linked(families: Program) -> None:
    rows = [row("1"), row("2", "1"), row("3", "2"), row("4", "9"), row("5", "5"), row("6", "7"), row("7", "6")]
    write(families, *rows)
    ended = families("check", "t.csv", "-m", "p.yml", "--json")
    assert (ended.code, ended.counts) == (3, {"invalid": 5, "pending": 1, "waiting": 1})
    groups = {group["code"]: (group["rows"], group["first_rows"], group["column"]) for group in ended.json["causes"]}
    assert groups == {
        "parent_too_deep": (1, [4], "Parent"),
        "missing_parent": (1, [5], "Parent"),
        "parent_cycle": (3, [6, 7, 8], "Parent"),
    }
    page = families("check", "t.csv", "-m", "p.yml").out
    assert "'9' is not the key of a row in this file or an earlier one" in page
    assert "sent after their parent row becomes a case" in page


def test_check_looks_into_the_ledger(families: Program) -> None:
    write(families, row("l-1"), name="first.csv")
    run(families, name="first.csv")
    write(families, row("l-2", "l-1"))
    assert families("check", "t.csv", "-m", "p.yml").code == 3
    assert families("check", "t.csv", "-m", "p.yml", *LEDGER).code == 0


def test_preview_says_which_row_is_the_parent(families: Program) -> None:
    write(families, row("1", "3"), row("2", "9"), row("3"))
    lines = families("preview", "t.csv", "-m", "p.yml", "-n", 2, "--json").out.splitlines()
    assert [json.loads(line)["parent"] for line in lines] == [{"name": "3", "row": 4}, {"name": "9", "row": None}]
    page = families("preview", "t.csv", "-m", "p.yml", "-n", 2).out
    assert "parent_id: id of the case created for '3' (row 4)" in page
    assert "parent_id: id of the case created for '9' (not a row of this file)" in page


@pytest.mark.parametrize(("policy", "parent"), [("drop", None), ("root", "d-1")])
def test_a_row_too_deep_is_dealt_with_as_the_mapping_says(
    families: Program, server: SandboxProcess, policy: str, parent: str | None
) -> None:
    text = LINKED.replace("Parent}", f"Parent, deep: {policy}, missing: drop, cycle: drop}}")
    (families.folder / "p.yml").write_text(text, encoding="utf-8")
    prefix = f"{policy}-"
    rows = [row(prefix + key, above and prefix + above) for key, above in [("d-3", "d-2"), ("d-2", "d-1"), ("d-1", "")]]
    write(families, *rows, row(f"{prefix}m", f"{prefix}x"), row(f"{prefix}c", f"{prefix}c"))
    ended = run(families)
    assert (ended.code, ended.counts) == (0, {"created": 5})
    assert parents(server, prefix) == {
        f"{prefix}d-1": None,
        f"{prefix}d-2": f"{prefix}d-1",
        f"{prefix}d-3": parent and prefix + parent,
        f"{prefix}m": None,
        f"{prefix}c": None,
    }
    assert sum("(first: row" in note for note in ended.json["notes"]) == 3
    summary = json.loads((families.folder / "out/summary.json").read_text(encoding="utf-8"))
    assert {(entry["code"], entry["rows"]) for entry in summary["links_not_made"]} == {
        ("missing_parent", 1),
        ("parent_cycle", 1),
        ("parent_too_deep", 1),
    }


def test_a_parent_that_is_corrected_lets_its_children_go(families: Program, server: SandboxProcess) -> None:
    """Whoever corrects the one row that is wrong expects the rows below it to arrive as well."""
    write(families, row("fam-1", subject=""), row("fam-2", "fam-1"), row("fam-3", "fam-1"))
    first = run(families)
    assert (first.code, first.counts) == (3, {"invalid": 1, "waiting": 2})
    (line,) = read_csv(families.folder / "out/failures.csv")
    assert (line["importer_state"], line["importer_code"]) == ("invalid", "missing")
    rewrite(families.folder / "corrected.csv", [line | {"Subject": "Mended"}])
    second = run(families, name="corrected.csv")
    assert (second.code, second.counts) == (0, {"created": 1})
    assert parents(server, "fam-") == {"fam-1": None, "fam-2": "fam-1", "fam-3": "fam-1"}
    whole = families("status", *LEDGER, "--json")
    assert whole.counts == {"created": 3, "skipped": 1}


def test_a_refused_parent_is_retried_and_its_children_follow(families: Program, server: SandboxProcess) -> None:
    write(families, row("again-1", subject=REFUSED), row("again-2", "again-1"))
    first = run(families)
    assert (first.code, first.counts) == (3, {"refused": 1, "waiting": 1})
    assert families("retry", *LEDGER, "--state", "refused", "--json").counts == first.counts
    better = LINKED.replace("title: Subject", "title: Body")
    (families.folder / "better.yml").write_text(better, encoding="utf-8")
    ended = families("retry", *LEDGER, "--mapping", "better.yml", "--json")
    assert (ended.code, ended.counts) == (0, {"created": 2})
    assert parents(server, "again-") == {"again-1": None, "again-2": "again-1"}


def test_a_mapping_that_does_not_link_lets_everybody_go(families: Program, server: SandboxProcess) -> None:
    write(families, row("n-1", subject=REFUSED), row("n-2", "n-1"), row("n-3", "n-3"))
    assert run(families).counts == {"refused": 1, "waiting": 1, "invalid": 1}
    ended = families("retry", *LEDGER, "--mapping", "m.yml", "--json")
    assert (ended.code, ended.counts) == (3, {"refused": 1, "created": 2})
    assert parents(server, "n-") == {"n-2": None, "n-3": None}


def test_an_unknown_parent_is_found_and_its_children_follow(families: Program, server: SandboxProcess) -> None:
    write(families, row("u-1", subject=LOST_AFTER), row("u-2", "u-1"), row("u-3"))
    ended = run(families)
    assert (ended.code, ended.counts) == (0, {"created": 3})
    assert parents(server, "u-") == {"u-1": None, "u-2": "u-1", "u-3": None}


def test_a_child_gets_its_parent_and_the_case_updates(families: Program, server: SandboxProcess) -> None:
    text = LINKED.replace("version: 1\n", "version: 1\nnotes_per_call: 1\n") + "  notes: [{each: Comment}]\n"
    (families.folder / "p.yml").write_text(text, encoding="utf-8")
    rows = [(*row("q-2", "q-1"), "one", "two", "three"), (*row("q-1"), "four", "five", "")]
    write_tickets(families.folder / "t.csv", rows, header=(*HEADER, "Comment", "Comment", "Comment"))
    ended = run(families)
    assert (ended.code, ended.counts, ended.json["case_updates"]["done"]) == (0, {"created": 2}, 3)
    assert parents(server, "q-") == {"q-1": None, "q-2": "q-1"}
    notes = {case["custom_fields"]["text1"]: [note["note_body"] for note in case["notes"]] for case in server.cases()}
    assert (notes["q-2"], notes["q-1"]) == (["one", "two", "three"], ["four", "five"])


def test_a_child_of_another_file_gets_its_notes_as_well(families: Program, server: SandboxProcess) -> None:
    """The run of the corrected parent sends the child, and all that follows it."""
    text = LINKED.replace("version: 1\n", "version: 1\nnotes_per_call: 1\n") + "  notes: [{each: Comment}]\n"
    (families.folder / "p.yml").write_text(text, encoding="utf-8")
    header = (*HEADER, "Comment", "Comment")
    rows = [(*row("j-2", "j-1"), "one", "two"), (*row("j-1", subject=REFUSED), "", "")]
    write_tickets(families.folder / "t.csv", rows, header=header)
    assert run(families).counts == {"refused": 1, "waiting": 1}
    write_tickets(families.folder / "mended.csv", [(*row("j-1"), "", "")], header=header)
    ended = run(families, name="mended.csv")
    assert (ended.code, ended.counts) == (0, {"created": 1})
    assert parents(server, "j-") == {"j-1": None, "j-2": "j-1"}
    (notes,) = (case["notes"] for case in server.cases() if case["custom_fields"]["text1"] == "j-2")
    assert [note["note_body"] for note in notes] == ["one", "two"]


def test_a_limit_counts_parents_and_children(families: Program, server: SandboxProcess) -> None:
    write(families, row("z-2", "z-1"), row("z-3", "z-1"), row("z-1"), row("z-4"))
    first = run(families, "--limit", 1)
    assert (first.code, first.counts) == (0, {"created": 1, "pending": 3})
    second = run(families, "--limit", 1)
    assert (second.code, second.counts) == (0, {"created": 2, "pending": 2})
    assert run(families).counts == {"created": 4}
    assert parents(server, "z-") == {"z-1": None, "z-2": "z-1", "z-3": "z-1", "z-4": None}


def test_a_child_that_waits_behind_the_limit_is_no_failure(families: Program) -> None:
    write(families, row("y-1"), row("y-2"), row("y-3", "y-2"))
    first = run(families, "--limit", 1)
    assert (first.code, first.counts) == (0, {"created": 1, "pending": 1, "waiting": 1})


def test_nightly_files_link_to_earlier_ones(families: Program, server: SandboxProcess) -> None:
    write(families, row("k-1"), row("k-2", "k-1"), row("k-4", "k-3"))
    assert run(families).counts == {"created": 2, "invalid": 1}
    write(families, row("k-1"), row("k-2", "k-1"), row("k-4", "k-3"), row("k-3"), row("k-5", "k-1"))
    ended = run(families)
    assert (ended.code, ended.counts) == (0, {"created": 3, "skipped": 2})
    assert {line["code"] for line in read_csv(families.folder / "out/results.csv") if line["state"] == "skipped"} == {
        "already_created"
    }
    assert parents(server, "k-") == {"k-1": None, "k-2": "k-1", "k-3": None, "k-4": "k-3", "k-5": "k-1"}


def test_a_person_may_say_that_the_parent_is_a_case(families: Program) -> None:
    """Its answer was lost for good; the person's word lets the child go."""
    write(families, row("p-0"), row("p-1"), row("p-2", "p-1"))
    assert run(families, "--limit", 1).counts == {"created": 1, "pending": 1, "waiting": 1}
    with closing(sqlite3.connect(families.folder / "t-import/ledger.db", isolation_level=None)) as connection:
        connection.execute("UPDATE record SET state = 'sending' WHERE key = 'p-1'")
    resolved = families("resolve", "p-1", *LEDGER, "--created", "99999999", "--reason", "seen")
    assert resolved.code == 0, resolved.err
    assert families("status", *LEDGER, "--json").counts == {"created": 2, "pending": 1}


def test_reports_and_page_say_what_to_do(families: Program) -> None:
    write(families, row("w-1", subject=""), row("w-2", "w-1"))
    page = families("run", "t.csv", "-m", "p.yml", "--out", "out").out
    assert "waiting for its parent row: sent as soon as that row is a case" in page
    assert "waits for row 2 of t.csv, which is invalid: fix that row first" in page
    lines = read_csv(families.folder / "out/results.csv")
    assert (lines[1]["state"], lines[1]["code"]) == ("waiting", "parent_invalid")
