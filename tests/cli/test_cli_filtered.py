"""Rows that the mapping leaves out, as the commands show them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from program import Program
from tickets import MAPPING, Ticket, read_csv, write_tickets

ROWS = [Ticket("1"), Ticket("2", "spam"), Ticket("1", "test"), Ticket("4", "spam")]


def write_mapping(path: Path, condition: str) -> None:
    path.write_text(MAPPING.replace("{key: Id}", f'{{key: Id, skip: "{condition}"}}'), encoding="utf-8")


@pytest.fixture
def choosy(local: Program) -> Program:
    """The command next to an export of which ``m.yml`` filters two rows."""
    write_tickets(local.folder / "t.csv", ROWS)
    write_mapping(local.folder / "m.yml", "Subject == 'spam'")
    return local


def codes(program: Program) -> list[tuple[str, str]]:
    return [(line["state"], line["code"]) for line in read_csv(program.folder / "t-import" / "results.csv")]


def test_they_are_in_the_totals_and_in_the_results_apart_from_others(choosy: Program) -> None:
    ended = choosy("run", "t.csv", "-m", "m.yml")
    assert ended.code == 0
    lines = [line.split() for line in ended.out.splitlines()]
    assert ["2", "skipped", "filtered", "by", "`only:`", "or", "`skip:`"] in lines
    assert ["1", "skipped", "duplicate", "key", "in", "this", "file"] in lines
    assert codes(choosy) == [
        ("created", "created"),
        ("skipped", "filtered"),
        ("skipped", "duplicate_key"),
        ("skipped", "filtered"),
    ]
    assert not (choosy.folder / "t-import" / "failures.csv").exists()


def test_another_condition_decides_anew_about_what_was_not_sent(choosy: Program) -> None:
    choosy("run", "t.csv", "-m", "m.yml", "--quiet")
    write_mapping(choosy.folder / "new.yml", "Id == '4'")
    ended = choosy("retry", "--ledger", "t-import/ledger.db", "--mapping", "new.yml", "--json")
    assert (ended.code, ended.counts) == (0, {"created": 2, "skipped": 2})
    assert codes(choosy) == [
        ("created", "created"),
        ("created", "created"),
        ("skipped", "duplicate_key"),
        ("skipped", "filtered"),
    ]


def test_only_those_that_were_filtered_if_a_person_says_so(choosy: Program) -> None:
    choosy("run", "t.csv", "-m", "m.yml", "--limit", "1", "--quiet")
    write_mapping(choosy.folder / "new.yml", "Id == 'x'")
    retried = ("retry", "--ledger", "t-import/ledger.db", "--state", "skipped", "--json")
    assert choosy(*retried).code == 2, "the same mapping would say the same"
    assert choosy(*retried, "--mapping", "new.yml").counts == {"created": 3, "skipped": 1}


def test_a_preview_shows_why(choosy: Program) -> None:
    assert (
        "row 4 · key 2 · filtered\n  source.skip is met: Subject == 'spam'"
        in choosy("preview", "t.csv", "-m", "m.yml").out
    )
    rows = [json.loads(line) for line in choosy("preview", "t.csv", "-m", "m.yml", "--json").out.splitlines()]
    assert [(row["filtered"], row["body"] is None) for row in rows[:2]] == [
        (None, False),
        ("source.skip is met: Subject == 'spam'", True),
    ]
