"""The checker is checked first: a checker that finds nothing proves nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from history import History, most_in_a_second, read_history

SCHEMA = """
    CREATE TABLE record (id INTEGER PRIMARY KEY, key TEXT, state TEXT, case_id TEXT);
    CREATE TABLE event (id INTEGER PRIMARY KEY, record INTEGER, run INTEGER, at REAL, state TEXT, attempt INTEGER,
                        case_id TEXT, http_status INTEGER, code TEXT, message TEXT);
"""
KEYS = ("A", "B", "C")


class Story:
    """A ledger and a server that can be made to disagree; an honest import of three rows to begin with."""

    def __init__(self, ledger: Path) -> None:
        self.ledger = ledger
        self.cases = [{"id": str(number), "custom_fields": {"text1": key}} for number, key in enumerate(KEYS, 1)]
        with closing(sqlite3.connect(ledger)) as connection:
            connection.executescript(SCHEMA)
        for number, key in enumerate(KEYS, 1):
            self.write("INSERT INTO record VALUES (?, ?, 'created', ?)", number, key, str(number))
            self.event(number, "sending")
            self.event(number, "created")

    def write(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.ledger, isolation_level=None)) as connection:
            connection.execute(statement, values)

    def event(self, record: int, state: str) -> None:
        self.write("INSERT INTO event (record, run, at, state, attempt) VALUES (?, 1, 0.0, ?, 1)", record, state)

    def told(self) -> History:
        return read_history(self.ledger, keys=KEYS, cases=self.cases)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "ledger.db")


def test_an_honest_import_has_no_offences(story: Story) -> None:
    assert story.told().offences == {}
    assert story.told().recovered == []


def test_a_row_that_nobody_knows_is_lost(story: Story) -> None:
    del story.cases[1]
    story.write("DELETE FROM record WHERE id = 2")
    assert story.told().offences == {"lost": ["B"]}


def test_a_row_that_waits_for_ever_is_lost_and_unsent(story: Story) -> None:
    del story.cases[1]
    story.write("UPDATE record SET state = 'pending', case_id = NULL WHERE id = 2")
    assert story.told().offences == {"lost": ["B"], "unsent": ["B"]}


def test_two_cases_of_one_row_are_a_duplicate(story: Story) -> None:
    story.cases.append({"id": "4", "custom_fields": {"text1": "B"}})
    assert story.told().offences == {"duplicated": ["B"]}


def test_a_success_that_the_server_does_not_know_is_a_phantom(story: Story) -> None:
    del story.cases[1]
    assert story.told().offences == {"phantom": ["B"]}


def test_a_success_with_the_case_of_another_row_is_a_phantom(story: Story) -> None:
    story.write("UPDATE record SET case_id = '1' WHERE id = 2")
    assert story.told().offences == {"phantom": ["B"]}


def test_a_case_that_nobody_sent_is_unexpected(story: Story) -> None:
    story.cases.append({"id": "4", "custom_fields": {}})
    assert story.told().offences == {"unexpected": ["case 4"]}


def test_an_unknown_outcome_at_the_end_is_an_offence_although_nothing_is_lost(story: Story) -> None:
    story.write("UPDATE record SET state = 'unknown', case_id = NULL WHERE id = 3")
    assert story.told().offences == {"unknown": ["C"]}


def test_an_unknown_outcome_that_was_settled_by_finding_the_case_is_recovered(story: Story) -> None:
    story.write("DELETE FROM event WHERE record = 3 AND state = 'created'")
    for state in ("unknown", "created"):
        story.event(3, state)
    assert story.told().recovered == ["C"]


def test_an_unknown_outcome_that_ended_in_sending_again_is_not_recovered(story: Story) -> None:
    story.write("DELETE FROM event WHERE record = 3 AND state = 'created'")
    for state in ("unknown", "pending", "sending", "created"):
        story.event(3, state)
    assert story.told().recovered == []


def test_the_story_names_the_circumstances_and_every_event(story: Story) -> None:
    story.cases.append({"id": "4", "custom_fields": {"text1": "B"}})
    text = story.told().story(seed=7)
    assert "seed: 7\n1 duplicated: B\n  B\n" in text
    assert "record 2 · sending · attempt 1" in text


def test_any_sliding_second_is_looked_at() -> None:
    assert most_in_a_second([]) == 0
    assert most_in_a_second([0.0, 1.0, 2.0]) == 1
    assert most_in_a_second([5.0, 1.0, 1.25, 1.75, 2.0]) == 3
